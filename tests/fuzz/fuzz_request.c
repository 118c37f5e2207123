/*
 * What clients of the proxy send: any body has a shape or a fault; what is made of it, in OpenAI's
 * format or in a native one, is JSON; a shape comes back from its names. The first byte says to
 * which endpoint it was sent.
 */
#include "cases/shape.h"
#include "harness/run/route/router.h"
#include "providers/client/decode.h"
#include "providers/dialect/dialect.h"
#include "providers/provider.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const struct dialect *const dialects[] = {&dialect_openai,    &dialect_azure,
                                                 &dialect_anthropic, &dialect_gemini,
                                                 &dialect_cohere,    &dialect_ollama};
static struct provider_model models[] = {{.name = TEXT_INIT("m"), .max_output = 77}};

static void check_json(struct text body, struct arena *arena)
{
	struct fault fault;
	struct json *root;

	REQUIRE(json_read_text(body, "made", arena, &root, &fault));
}

static void encode(enum endpoint endpoint, struct text body, struct arena *arena)
{
	struct chat_request request = {.endpoint = endpoint, .body = body};

	for (size_t i = 0; i < ARRAY_LENGTH(dialects); i++) {
		struct provider provider = {.name = TEXT_INIT("p"),
		                            .dialect = dialects[i],
		                            .base_url = TEXT_INIT("http://host/openai/v1"),
		                            .models = models,
		                            .model_count = 1};
		struct wire_request out = {0};
		struct fault fault = {0};
		if (!dialects[i]->encode(&provider, &request, arena, &out, &fault))
			REQUIRE(fault.kind != FAULT_NONE && fault.message[0] != '\0');
		else if (!dialects[i]->openai_replies)
			check_json(out.body, arena);
	}
}

static void check_shape(enum endpoint endpoint, const struct json *root, struct arena *arena)
{
	struct shape shape, again;
	struct shape_fault fault = {0};
	struct text bad;

	if (!shape_read(endpoint, root, arena, &shape, &fault)) {
		REQUIRE(fault.message[0] != '\0');
		return;
	}
	struct text_list names = shape_names(&shape, arena);
	REQUIRE(names.count > 0);
	if (shape.fields.count == 0)
		REQUIRE(shape_from_names(&names, arena, &again, &bad));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct arena arena = {0};
	struct router_preferences wish;
	struct decode_fault refused = {0};
	struct shape_fault wrong = {0};
	struct fault fault;
	struct decoded made;
	struct json *root;

	if (size < 1)
		return 0;
	enum endpoint endpoint = (enum endpoint)(data[0] % ENDPOINT_COUNT);
	struct text body = {(const char *)data + 1, size - 1};
	if (json_read_text(body, "request", &arena, &root, &fault)) {
		check_shape(endpoint, root, &arena);
		if (!router_preferences_read(json_member(root, "provider"), &arena, &wish, &wrong))
			REQUIRE(wrong.message[0] != '\0');
		REQUIRE(decode_messages_tokens(root, &arena) >= 0);
		bool chat = endpoint == ENDPOINT_RESPONSES
		                ? decode_responses(root, &arena, &made, &refused)
		                : decode_messages(root, &arena, &made, &refused);
		if (chat)
			check_json(made.body, &arena);
		else
			REQUIRE(refused.message[0] != '\0');
		if (chat)
			encode(ENDPOINT_CHAT, made.body, &arena);
		encode(endpoint, body, &arena);
	}
	arena_done(&arena);
	return 0;
}
