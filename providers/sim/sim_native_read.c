/* What the readers of native requests share: fields, refusals, and the parts of a chat request. */
#include "harness/base/base64.h"
#include "providers/sim/sim_native.h"

#include <stdio.h>

enum { NATIVE_MESSAGE_BYTES = 512 };

bool sim_native_admits(const struct sim_serving *serving, struct text key)
{
	if (sim_breaks(serving, SIM_DENY_401))
		return false;
	if (key.len == 0)
		return sim_breaks(serving, SIM_ER_02);
	return text_equal(key, serving->setup->api_key) || sim_breaks(serving, SIM_ER_01);
}

bool sim_native_refuse(struct sim_native_ask *ask, const char *format, ...)
{
	char message[NATIVE_MESSAGE_BYTES];
	va_list arguments;

	va_start(arguments, format);
	(void)vsnprintf(message, sizeof(message), format, arguments);
	va_end(arguments);
	return sim_refuse(ask->error, NULL, (struct text){0},
	                  text_copy(ask->serving->arena, text_of(message)));
}

/* --- fields --- */

const struct json *sim_native_field(const struct json *object, const char *name, const char *other)
{
	const struct json *member = json_member(object, name);

	if (member == NULL && other != NULL)
		member = json_member(object, other);
	return member == NULL || member->type == JSON_NULL ? NULL : member;
}

const struct json *sim_native_unknown(const struct json *object, const char *const *known)
{
	JSON_EACH(member, object)
	{
		const char *const *name = known;
		while (*name != NULL && !text_is(member->key, *name))
			name++;
		if (*name == NULL)
			return member;
	}
	return NULL;
}

bool sim_native_within(const struct json *number, const char *min, const char *max)
{
	return json_is(number, JSON_NUMBER) &&
	       json_number_compare(number->text, text_of(min)) >= 0 &&
	       (max == NULL || json_number_compare(number->text, text_of(max)) <= 0);
}

void sim_native_copy(struct sim_native_ask *ask, const struct json *object, const char *name,
                     const char *chat)
{
	const struct json *member = sim_native_field(object, name, NULL);

	if (member == NULL)
		return;
	json_write_key(ask->writer, chat);
	json_write_node(ask->writer, member);
}

/* --- parts of a message --- */

void sim_native_text_part(struct sim_native_ask *ask, struct text text)
{
	json_write_object(ask->writer);
	json_write_member_c(ask->writer, "type", "text");
	json_write_member(ask->writer, "text", text);
	json_write_object_end(ask->writer);
}

void sim_native_image_url(struct sim_native_ask *ask, struct text url)
{
	json_write_object(ask->writer);
	json_write_member_c(ask->writer, "type", "image_url");
	json_write_key(ask->writer, "image_url");
	json_write_object(ask->writer);
	json_write_member(ask->writer, "url", url);
	json_write_object_end(ask->writer);
	json_write_object_end(ask->writer);
}

void sim_native_image_part(struct sim_native_ask *ask, struct text type, struct text base64)
{
	sim_native_image_url(ask, text_format(ask->serving->arena, "data:%.*s;base64,%.*s",
	                                      TEXT_ARG(type), TEXT_ARG(base64)));
}

struct text sim_native_image_type(struct text base64)
{
	static const struct {
		const char *begins, *type;
	} kinds[] = {{"iVBORw0KGgo", "image/png"},
	             {"/9j/", "image/jpeg"},
	             {"R0lGOD", "image/gif"},
	             {"UklGR", "image/webp"}};

	for (size_t i = 0; i < ARRAY_LENGTH(kinds); i++)
		if (text_starts(base64, text_of(kinds[i].begins)))
			return text_of(kinds[i].type);
	return (struct text){0};
}

/* --- tools --- */

void sim_native_call(struct sim_native_ask *ask, struct text id, struct text name,
                     struct text arguments)
{
	json_write_object(ask->writer);
	json_write_member(ask->writer, "id", id);
	json_write_member_c(ask->writer, "type", "function");
	json_write_key(ask->writer, "function");
	json_write_object(ask->writer);
	json_write_member(ask->writer, "name", name);
	json_write_member(ask->writer, "arguments", arguments);
	json_write_object_end(ask->writer);
	json_write_object_end(ask->writer);
}

void sim_native_tool(struct sim_native_ask *ask, const struct json *source,
                     const struct json *parameters)
{
	json_write_object(ask->writer);
	json_write_member_c(ask->writer, "type", "function");
	json_write_key(ask->writer, "function");
	json_write_object(ask->writer);
	json_write_member(ask->writer, "name", json_string(source, "name"));
	sim_native_copy(ask, source, "description", "description");
	if (parameters != NULL) {
		json_write_key(ask->writer, "parameters");
		json_write_node(ask->writer, parameters);
	}
	json_write_object_end(ask->writer);
	json_write_object_end(ask->writer);
}

void sim_native_named_choice(struct sim_native_ask *ask, struct text name)
{
	json_write_key(ask->writer, "tool_choice");
	json_write_object(ask->writer);
	json_write_member_c(ask->writer, "type", "function");
	json_write_key(ask->writer, "function");
	json_write_object(ask->writer);
	json_write_member(ask->writer, "name", name);
	json_write_object_end(ask->writer);
	json_write_object_end(ask->writer);
}

/* --- what else --- */

void sim_native_format(struct sim_native_ask *ask, const struct json *schema)
{
	json_write_key(ask->writer, "response_format");
	json_write_object(ask->writer);
	json_write_member_c(ask->writer, "type", schema != NULL ? "json_schema" : "json_object");
	if (schema != NULL) {
		json_write_key(ask->writer, "json_schema");
		json_write_object(ask->writer);
		json_write_member_c(ask->writer, "name", "output");
		json_write_key(ask->writer, "schema");
		json_write_node(ask->writer, schema);
		json_write_object_end(ask->writer);
	}
	json_write_object_end(ask->writer);
}

struct text sim_native_signature(const struct sim_serving *serving, const char *kind,
                                 struct text signed_text)
{
	struct digest digest;
	unsigned char raw[DIGEST_BYTES];

	digest_init(&digest);
	digest_add_field(&digest, text_of(kind));
	digest_add_field(&digest, signed_text);
	digest_done(&digest, raw);
	return base64_encode(serving->arena, (struct text){(const char *)raw, sizeof(raw)});
}

const struct json *sim_native_arguments(const struct sim_serving *serving,
                                        const struct sim_call *call)
{
	struct json *object;
	struct fault fault;

	return json_read_text(call->arguments, "arguments", serving->arena, &object, &fault) &&
	               json_is(object, JSON_OBJECT)
	           ? object
	           : NULL;
}
