# hook: what runs on the host.
include hook/common/build.mk hook/inject/build.mk hook/mark/build.mk hook/stages/build.mk hook/runtime/build.mk hook/notify/build.mk hook/cli/build.mk
