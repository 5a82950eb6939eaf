# oci-ksmd: the keeper, and what worker, marker and steward do.
NOTIFY_SRCS := $(addprefix hook/notify/, \
	keeper.c children.c connections.c listeners.c requests.c replace.c handover.c start.c listen.c \
	systemd.c privileges.c journal.c \
	worker.c poller.c answer.c dirty.c handoff.c sync.c \
	marker.c look.c watch.c members.c container.c pace.c guard.c off.c) \
	$(addprefix hook/notify/steward/, \
		steward.c news.c chores.c switching.c newcomers.c profit.c profit_rule.c guarded.c \
		ksmd.c boost.c pressure.c)
PROGRAMS += oci-ksmd
oci-ksmd_STATIC := yes
oci-ksmd_SRCS := hook/notify/main.c $(NOTIFY_SRCS) $(MARK_SRCS) $(INJECT_SRCS)
