/* What goes of a conversation that moves to another target, and what stays, byte for byte. */
#include "providers/client/decode.h"
#include "tests/unit/unit.h"

static struct arena arena;

/* clang-format off */
#define SIGNED "{\"type\":\"thinking\",\"thinking\":\"hm\",\"signature\":\"S\"}"
#define EXTRA "\"extra_content\":{\"google\":{\"thought_signature\":\"SIG\"}}"
#define OURS "\"encrypted_content\":\"proviso1.e30=\""
#define CALL(more) "{\"id\":\"c\",\"function\":{\"name\":\"f\"}" more "}"
#define CHAT(messages) "{\"model\":\"m\",\"messages\":[" messages "],\"n\":1}"
#define INPUT(items) "{\"input\":[" items "],\"store\":false}"
#define USER "{\"role\":\"user\",\"content\":\"hi\"}"
#define TURN(blocks) "{\"role\":\"assistant\",\"content\":[" blocks "]}"
#define WORDS "{\"type\":\"text\",\"text\":\"a\"}"
#define OUR_DATA "{\"type\":\"redacted_thinking\",\"data\":\"proviso1.e30=\"}"
#define OUR_THOUGHT "{\"type\":\"thinking\",\"thinking\":\"hm\",\"signature\":\"proviso1.unsigned\"}"

static const struct {
	const char *model, *body;
	const char *rest; /* NULL: the body itself */
} thoughts[] = {
	{"gpt", CHAT(USER ",{\"role\":\"assistant\",\"content\":\"a\",\"thinking_blocks\":[" SIGNED "]}"),
	 CHAT(USER ",{\"role\":\"assistant\",\"content\":\"a\"}")},
	{"gpt", CHAT("{\"role\":\"assistant\"," EXTRA ",\"tool_calls\":[" CALL("," EXTRA) "," CALL("") "]}"),
	 CHAT("{\"role\":\"assistant\",\"tool_calls\":[" CALL("") "," CALL("") "]}")},
	/* A Gemini asks for its signatures; thoughts it never signed are still others'. */
	{"google/gemini-3", CHAT("{\"role\":\"assistant\"," EXTRA ",\"tool_calls\":[" CALL("," EXTRA) "]}"), NULL},
	{"google/gemini-3", CHAT("{\"thinking_blocks\":[],\"tool_calls\":[" CALL("," EXTRA) "]}"),
	 CHAT("{\"tool_calls\":[" CALL("," EXTRA) "]}")},
	{"gpt", INPUT(USER ",{\"type\":\"reasoning\",\"id\":\"r\"," OURS "}," USER), INPUT(USER "," USER)},
	/* What another server closed is for it to judge; nothing else holds what is ours. */
	{"gpt", INPUT("{\"type\":\"reasoning\",\"encrypted_content\":\"gAAA\"}"), NULL},
	{"gpt", INPUT("{\"type\":\"message\"," OURS "}"), NULL},
	/* Where it is not a member of a message it is somebody's word. */
	{"gpt", "{\"messages\":[" USER "],\"tools\":[{\"thinking_blocks\":1,\"extra_content\":2}]}", NULL},
	{"gpt", CHAT("{\"content\":\"\\\"thinking_blocks\\\"\"}"), NULL},
	{"gpt", CHAT("7,[],{\"thinking_blocks\":[]}"), CHAT("7,[],{}")},
	{"gpt", "{\"messages\":{\"thinking_blocks\":[]}}", NULL},
	{"gpt", "[{\"thinking_blocks\":[]}]", NULL},
	{"gpt", "{\"thinking_blocks\":", NULL},
	{"gpt", CHAT(USER), NULL},
};

static const struct {
	const char *body, *rest;
} ours[] = {
	{CHAT(USER "," TURN(OUR_DATA "," WORDS "," OUR_THOUGHT)), CHAT(USER "," TURN(WORDS))},
	{CHAT(USER "," TURN(SIGNED "," OUR_DATA)), CHAT(USER "," TURN(SIGNED))},
	/* A turn of nothing else goes as a whole: one without content is refused. */
	{CHAT(USER "," TURN(OUR_DATA) "," USER), CHAT(USER "," USER)},
	{CHAT(TURN(SIGNED "," WORDS)), NULL},
	{CHAT("{\"role\":\"user\",\"content\":\"proviso1.\"}"), NULL},
	{CHAT("{\"content\":{\"a\":" OUR_DATA "}}"), NULL},
	{INPUT(TURN(OUR_DATA)), NULL},
	{"[\"proviso1.\"]", NULL},
	{"proviso1.", NULL},
	{CHAT(USER), NULL},
};
/* clang-format on */

static void assert_rest(struct text body, struct text rest, const char *want)
{
	if (want == NULL)
		ck_assert_msg(rest.data == body.data, "%.*s", TEXT_ARG(rest));
	else
		assert_text(rest, want);
}

START_TEST(thoughts_go_where_nobody_can_read_them)
{
	struct text body = text_of(thoughts[_i].body);

	assert_rest(body, decode_without_thoughts(body, text_of(thoughts[_i].model), &arena),
	            thoughts[_i].rest);
	arena_done(&arena);
}
END_TEST

START_TEST(what_was_written_here_goes_where_it_is_refused)
{
	struct text body = text_of(ours[_i].body);

	assert_rest(body, decode_without_ours(body, &arena), ours[_i].rest);
	arena_done(&arena);
}
END_TEST

static void add(TCase *cases)
{
	tcase_add_loop_test(cases, thoughts_go_where_nobody_can_read_them, 0,
	                    (int)ARRAY_LENGTH(thoughts));
	tcase_add_loop_test(cases, what_was_written_here_goes_where_it_is_refused, 0,
	                    (int)ARRAY_LENGTH(ours));
}

int main(void)
{
	return unit_main("decode_without", add);
}
