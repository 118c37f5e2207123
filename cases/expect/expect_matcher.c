/* Exact text or a pattern: the smallest expectation, used by several families. */
#include "cases/expect/expect_private.h"

/* "/re/" or "/re/flags", as opposed to text that merely begins with a slash. */
static bool is_pattern(struct text text)
{
	size_t at = text.len;

	if (text.len < 2 || text.data[0] != '/')
		return false;
	while (at > 1 && strchr("ims", text.data[at - 1]) != NULL && text.data[at - 1] != '\0')
		at--;
	return at > 1 && text.data[at - 1] == '/';
}

bool matcher_read(struct expect_reader *reader, const struct json *node, struct matcher *out)
{
	*out = (struct matcher){.node = node};
	if (!json_is(node, JSON_STRING))
		return expect_fault(reader, node, "this is %s; want a string or a /pattern/",
		                    json_type_name(node));
	if (is_pattern(node->text))
		return resources_regex(reader->resources, node, &out->regex, reader->faults);
	out->equals = node->text;
	return true;
}

bool expect_search(const struct judgement *judgement, const struct regex *regex, struct text value)
{
	switch (regex_search(regex, value)) {
	case REGEX_MATCH:
		return true;
	case REGEX_MISS:
		return false;
	case REGEX_LIMIT:
		judge(judgement, FINDING_HARNESS, "a pattern of the case hit its limit");
		return false;
	}
	return false;
}

bool matcher_matches(const struct matcher *matcher, const struct judgement *judgement,
                     struct text value)
{
	struct text wanted;

	if (value.data == NULL)
		return false;
	if (matcher->regex != NULL)
		return expect_search(judgement, matcher->regex, value);
	return expect_fill(judgement, matcher->equals, &wanted) && text_equal(wanted, value);
}

void matcher_check(const struct matcher *matcher, const struct judgement *judgement,
                   enum finding_kind kind, const char *what, struct text value)
{
	if (matcher_matches(matcher, judgement, value))
		return;
	if (value.data == NULL)
		judge(judgement, kind, "there is no %s, want %.*s", what,
		      TEXT_ARG(shown(judgement, matcher->node->text)));
	else
		judge(judgement, kind, "%s is \"%.*s\", want %.*s", what,
		      TEXT_ARG(shown(judgement, value)),
		      TEXT_ARG(shown(judgement, matcher->node->text)));
}
