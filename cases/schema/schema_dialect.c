/*
 * Which keywords count: what $schema names, by draft, and by the vocabularies of a metaschema of
 * somebody's own. Where nothing is said, the spellings of all drafts are taken.
 */
#include "cases/schema/schema_private.h"

static const struct {
	const char *uri; /* without a "#" at the end */
	unsigned drafts;
	bool older; /* read as the nearest draft we know */
} drafts[] = {
    {"https://json-schema.org/draft/2020-12/schema", DRAFT_2020, false},
    {"http://json-schema.org/draft/2020-12/schema", DRAFT_2020, false},
    {"https://json-schema.org/draft/2019-09/schema", DRAFT_2019, false},
    {"http://json-schema.org/draft/2019-09/schema", DRAFT_2019, false},
    {"http://json-schema.org/draft-07/schema", DRAFT_7, false},
    {"https://json-schema.org/draft-07/schema", DRAFT_7, false},
    {"http://json-schema.org/draft-06/schema", DRAFT_7, true},
    {"https://json-schema.org/draft-06/schema", DRAFT_7, true},
    {"http://json-schema.org/draft-04/schema", DRAFT_7, true},
    {"https://json-schema.org/draft-04/schema", DRAFT_7, true},
    {"http://json-schema.org/draft-03/schema", DRAFT_7, true},
    {"http://json-schema.org/schema", DRAFT_2020, true},
};

static const struct {
	const char *name; /* behind ".../vocab/" */
	unsigned vocabulary;
} vocabularies[] = {
    {"core", VOCABULARY_CORE},
    {"applicator", VOCABULARY_APPLICATOR},
    {"unevaluated", VOCABULARY_UNEVALUATED},
    {"validation", VOCABULARY_VALIDATION},
    {"meta-data", VOCABULARY_NOTES},
    {"content", VOCABULARY_NOTES},
    {"format", VOCABULARY_NOTES},
    {"format-annotation", VOCABULARY_NOTES},
    {"format-assertion", VOCABULARY_FORMAT_ASSERTION},
};

static unsigned find_vocabulary(struct text uri)
{
	static const char *const folders[] = {
	    "https://json-schema.org/draft/2020-12/vocab/",
	    "https://json-schema.org/draft/2019-09/vocab/",
	};

	for (size_t i = 0; i < ARRAY_LENGTH(folders); i++) {
		if (!text_starts(uri, text_of(folders[i])))
			continue;
		struct text name = text_slice(uri, strlen(folders[i]), uri.len);
		for (size_t j = 0; j < ARRAY_LENGTH(vocabularies); j++) {
			if (text_is(name, vocabularies[j].name))
				return vocabularies[j].vocabulary;
		}
	}
	return 0;
}

/* A metaschema's $vocabulary: true is needed, false is used where it is known. */
static bool read_vocabularies(const struct json *list, const struct json *asked,
                              struct schema_dialect *out, struct fault *fault)
{
	out->vocabularies = VOCABULARY_CORE;
	JSON_EACH(entry, list)
	{
		unsigned found = find_vocabulary(entry->key);
		if (found == 0 && entry->truth)
			return fault_at(fault, json_place(asked),
			                "this $schema needs the vocabulary \"%.*s\", which is "
			                "not known here",
			                TEXT_ARG(text_slice(entry->key, 0, 200)));
		out->vocabularies |= found;
	}
	/* 2019-09 has no vocabulary of its own for what is unevaluated. */
	if (out->drafts == DRAFT_2019)
		out->vocabularies |= VOCABULARY_UNEVALUATED;
	return true;
}

static bool find_draft(struct schema_compiler *compiler, const struct json *value, struct text uri,
                       struct schema_dialect *out)
{
	for (size_t i = 0; i < ARRAY_LENGTH(drafts); i++) {
		if (!text_is(uri, drafts[i].uri))
			continue;
		*out = (struct schema_dialect){drafts[i].drafts, VOCABULARY_ALL};
		if (drafts[i].older && compiler->warnings != NULL)
			fault_list_warn(compiler->warnings, json_place(value), "%s is read as %s",
			                drafts[i].uri,
			                drafts[i].drafts == DRAFT_7 ? "draft-07" : "2020-12");
		return true;
	}
	return false;
}

bool schema_dialect_find(struct schema_compiler *compiler, const struct json *value,
                         struct schema_dialect *out, struct fault *fault)
{
	const struct schema_options *options = compiler->options;
	struct schema_dialect base = {DRAFT_2020, VOCABULARY_ALL};
	const struct json *metaschema = NULL;
	struct text fragment;
	struct text uri = schema_uri_split(compiler->arena, value->text, &fragment);

	if (find_draft(compiler, value, uri, out))
		return true;
	if (options->resolve != NULL)
		metaschema = options->resolve(options->resolve_context, uri);
	if (metaschema == NULL) {
		if (compiler->warnings != NULL)
			fault_list_warn(compiler->warnings, json_place(value),
			                "this $schema is not known and is read as 2020-12");
		*out = base;
		return true;
	}
	struct text draft = json_string(metaschema, "$schema");
	(void)find_draft(compiler, value, schema_uri_split(compiler->arena, draft, &fragment),
	                 &base);
	*out = base;
	const struct json *list = json_member(metaschema, "$vocabulary");
	return !json_is(list, JSON_OBJECT) || base.drafts == DRAFT_7 ||
	       read_vocabularies(list, value, out, fault);
}
