/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a container wishes: its oci-ksm/ annotations (or OCI_KSM_MODE in its environment) over the
 * settings.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "oci-config/annotations.h"
#include "oci-config/env.h"
#include "oci-config/json.h"
#include "oci-config/mode.h"

struct reading {
	const struct ocfg_spec *spec;
	const struct ocfg_settings *settings;
	struct ocfg_wishes *wishes;
	bool mode_named; /* the container names a mode itself, be it "off" */
};

/* Takes a value over into the wishes, or returns -EINVAL and says in err what is wrong with it. */
typedef int wish_reader(struct reading *r, const char *value, struct error *err);

/*
 * Who names a mode has opted in, even if the name is wrong: then the settings' mode is the default.
 */
static int read_mode(struct reading *r, const char *value, struct error *err)
{
	r->mode_named = true;
	r->wishes->modes = r->settings->mode;
	return ocfg_mode_parse(value, &r->wishes->modes, err);
}

static int read_min_size(struct reading *r, const char *value, struct error *err)
{
	return ocfg_size_parse(value, &r->wishes->min_size, err);
}

/* What the administrator takes from the namespace is nobody else's to say. */
static int read_domain(struct reading *r, const char *value, struct error *err)
{
	if (r->settings->domain_from_namespace) {
		if (!strcmp(value, r->wishes->domain))
			return 0;
		return error_set(err, EINVAL, "not taken, because the settings have domain_from");
	}
	return ocfg_domain_parse(value, r->wishes->domain, err);
}

static int read_layout(struct reading *r, const char *value, struct error *err)
{
	if (strcmp(value, "shared") != 0)
		return error_set(err, EINVAL, "unknown layout \"%.32s\"", value);
	r->wishes->layout_shared = true;
	return 0;
}

static int read_required(struct reading *r, const char *value, struct error *err)
{
	if (strcmp(value, "true") != 0 && strcmp(value, "false") != 0)
		return error_set(err, EINVAL, "neither \"true\" nor \"false\"");
	r->wishes->required = value[0] == 't';
	return 0;
}

static const struct {
	const char *key;
	wish_reader *read;
} readers[] = {
	{"mode", read_mode},	 {"min-size", read_min_size}, {"domain", read_domain},
	{"layout", read_layout}, {"required", read_required},
};

static int read_annotation(struct reading *r, const char *key, const char *value, struct error *err)
{
	int rc = -EINVAL;

	for (size_t i = 0; i < sizeof(readers) / sizeof(readers[0]); i++) {
		if (strcmp(readers[i].key, key) != 0)
			continue;
		rc = readers[i].read(r, value, err);
		return rc < 0 ? error_wrap(err, "annotation " OCFG_ANNOTATION_PREFIX "%s", key) : 0;
	}
	return error_set(err, EINVAL, "annotation " OCFG_ANNOTATION_PREFIX "%.64s: unknown key",
			 key);
}

/* Notes what is wrong and keeps the first of it, which is the error if merging is required. */
static void note(struct ocfg_notes *notes, const struct error *bad, struct error *first)
{
	ocfg_notes_add(notes, "%s, using the default", bad->msg);
	if (first->code == 0)
		*first = *bad;
}

static void read_annotations(struct reading *r, struct ocfg_notes *notes, struct error *first)
{
	json_object *annotations = NULL;
	size_t prefix = strlen(OCFG_ANNOTATION_PREFIX);

	if (r->spec->kind == OCFG_SPEC_CONFIG)
		json_object_object_get_ex(r->spec->doc, "annotations", &annotations);
	if (!annotations)
		return;
	json_object_object_foreach(annotations, key, value)
	{
		struct error bad = {0};

		if (strncmp(key, OCFG_ANNOTATION_PREFIX, prefix) == 0 &&
		    read_annotation(r, key + prefix, json_object_get_string(value), &bad) < 0)
			note(notes, &bad, first);
	}
}

static void read_env(struct reading *r, struct ocfg_notes *notes, struct error *first)
{
	static const struct {
		const char *name, *annotation;
		wish_reader *read;
	} variables[] = {
		{OCFG_MODE_ENV, OCFG_ANNOTATION_PREFIX "mode", read_mode},
		{OCFG_DOMAIN_ENV, OCFG_ANNOTATION_PREFIX "domain", read_domain},
		{OCFG_LAYOUT_ENV, OCFG_ANNOTATION_PREFIX "layout", read_layout},
	};
	json_object *env = NULL;

	if (ocfg_spec_process(r->spec))
		json_object_object_get_ex(ocfg_spec_process(r->spec), "env", &env);
	for (size_t i = 0; i < sizeof(variables) / sizeof(variables[0]); i++) {
		const char *value = ocfg_env_get(env, variables[i].name);
		struct error bad = {0};

		if (!value || ocfg_spec_annotation(r->spec, variables[i].annotation) ||
		    variables[i].read(r, value, &bad) == 0)
			continue;
		error_wrap(&bad, "environment variable %s", variables[i].name);
		note(notes, &bad, first);
	}
}

/*
 * Each of the two engines sets one annotation, over what pods bring; the other one may be a tenant's. So
 * where both are there and differ, none is believed.
 */
static void take_namespace(const struct ocfg_spec *spec, struct ocfg_wishes *wishes)
{
	const char *one = ocfg_spec_annotation(spec, OCFG_NAMESPACE_CONTAINERD);
	const char *other = ocfg_spec_annotation(spec, OCFG_NAMESPACE_CRIO);
	const char *name = one ? one : other;

	if (name)
		wishes->domain_is_uncertain = (one && other && strcmp(one, other) != 0) ||
					      ocfg_domain_parse(name, wishes->domain, NULL) < 0;
}

int ocfg_wishes_read(const struct ocfg_spec *spec, const struct ocfg_settings *settings,
		     bool opted_in, struct ocfg_wishes *ret, struct ocfg_notes *notes,
		     struct error *err)
{
	struct ocfg_wishes wishes = {.min_size = settings->min_size};
	struct reading r = {.spec = spec, .settings = settings, .wishes = &wishes};
	struct error first = {0};

	if (settings->enable == OCFG_ENABLE_NONE || ocfg_spec_is_sandbox(spec)) {
		*ret = (struct ocfg_wishes){0};
		return 0;
	}
	if (opted_in || settings->enable == OCFG_ENABLE_ALL)
		wishes.modes = settings->mode;
	memcpy(wishes.domain, settings->domain, sizeof(wishes.domain));
	if (settings->domain_from_namespace)
		take_namespace(spec, &wishes);
	read_env(&r, notes, &first);
	read_annotations(&r, notes, &first);
	if (wishes.required && first.code != 0)
		return error_set(err, EINVAL, "%s", first.msg);
	if (wishes.required && wishes.modes == 0 && !r.mode_named)
		return error_set(err, EINVAL,
				 "annotation " OCFG_ANNOTATION_PREFIX
				 "required: merging is required, but "
				 "nothing opts in: " OCFG_ANNOTATION_PREFIX "mode is missing");
	*ret = wishes;
	return 0;
}
