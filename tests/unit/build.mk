# Unit tests of oci-config: one program a module, tests/unit/test_NAME.c.
OCI_CONFIG_TESTS := error json file spec env mounts hooks seccomp plan settings annotations policy state notify process_state seccomp_notify golden
define unit_test
TESTS += test_$(1)
test_$(1)_SRCS := tests/unit/test_$(1).c
test_$(1)_LIBS := -lcmocka
endef
$(foreach t,$(OCI_CONFIG_TESTS),$(eval $(call unit_test,$(t))))
test_seccomp_notify_SRCS += tests/unit/filter.c tests/unit/compare.c
test_seccomp_notify_LIBS += -lseccomp

# Unit tests of hook.
$(foreach t,proc ksm ksm_wishes cgroup domain engine_names estimate guess frames table figures top switched,$(eval $(call unit_test,$(t))))
test_frames_LIBS += -lxxhash
test_table_SRCS += hook/cli/table.c
test_top_SRCS += $(addprefix hook/cli/, trends.c screen.c figures_list.c)
test_figures_SRCS += $(addprefix hook/cli/, figures_list.c figures_frames.c)
$(foreach t,inject inject_refused inject_notify,$(eval $(call unit_test,$(t)))$(eval test_$(t)_SRCS += $(INJECT_SRCS)))
$(foreach t,probe probe_cache program,$(eval $(call unit_test,$(t))))
# The helper's marker.
$(foreach t,regions marks room,$(eval $(call unit_test,$(t))))
test_regions_SRCS += hook/mark/regions.c
test_room_SRCS += hook/mark/room.c hook/mark/hierarchy.c
test_marks_SRCS += $(addprefix hook/notify/, dirty.c pace.c)
test_marks_LIBS += -lpthread
# The helper's keeper.
$(foreach t,journal keeper poller,$(eval $(call unit_test,$(t))))
test_journal_SRCS += hook/notify/journal.c
test_keeper_SRCS += $(addprefix hook/notify/, handover.c systemd.c)
test_poller_SRCS += hook/notify/poller.c
test_poller_LIBS += -lseccomp
# The helper's steward.
$(eval $(call unit_test,profit))
test_profit_SRCS += hook/notify/steward/profit_rule.c
$(eval $(call unit_test,boost))
test_boost_SRCS += $(addprefix hook/notify/steward/, boost.c pressure.c)
