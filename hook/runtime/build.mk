# oci-ksm-runtime
