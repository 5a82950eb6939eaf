# hook/mark: making processes mergeable from outside. A program that uses it: NAME_SRCS += $(MARK_SRCS) $(INJECT_SRCS)
MARK_SRCS := $(addprefix hook/mark/, \
	mark.c one.c reason.c filters.c unmark.c separate.c merged.c room.c shim.c \
	sweep.c regions.c process.c hierarchy.c listing.c)
