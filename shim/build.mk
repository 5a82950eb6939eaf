# shim: what runs inside the container's processes.
SHIM_FILES :=
