# oci-ksm-hook
