# oci-ksm
