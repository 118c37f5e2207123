/* What the decoders of clients' requests share: refusals, what is left out, and pieces of the chat
 * request. */
#include "providers/client/decode_private.h"

#include <stdio.h>

void decode_refuse(struct decoding *d, const char *param, const char *format, ...)
{
	va_list arguments;

	if (d->refused)
		return;
	d->refused = true;
	d->fault->param = param;
	va_start(arguments, format);
	(void)vsnprintf(d->fault->message, sizeof(d->fault->message), format, arguments);
	va_end(arguments);
}

const struct json *decode_field(const struct json *object, const char *name)
{
	const struct json *member = json_member(object, name);

	return member == NULL || member->type == JSON_NULL ? NULL : member;
}

void decode_copy(struct decoding *d, const char *from, const char *to)
{
	const struct json *member = decode_field(d->root, from);

	if (member == NULL)
		return;
	json_write_key(&d->json, to);
	json_write_node(&d->json, member);
}

void decode_drop(struct decoding *d, const char *field)
{
	dropped_add(&d->dropped, d->arena, text_of(field));
}

void decode_drop_others(struct decoding *d, const struct json *object, const char *where,
                        const char *const *carried)
{
	dropped_add_others(&d->dropped, d->arena, object, where, carried);
}

bool decode_tools(struct decoding *d, void (*write)(struct decoding *d, const struct json *tool))
{
	const struct json *tools = decode_field(d->root, "tools");

	if (tools == NULL || tools->count == 0)
		return false;
	json_write_key(&d->json, "tools");
	json_write_array(&d->json);
	JSON_EACH(tool, tools)
	{
		write(d, tool);
	}
	json_write_array_end(&d->json);
	return true;
}

void decode_write_text(struct decoding *d, struct text text)
{
	json_write_object(&d->json);
	json_write_member_c(&d->json, "type", "text");
	json_write_member(&d->json, "text", text);
	json_write_object_end(&d->json);
}

void decode_write_image(struct decoding *d, struct text url, struct text detail)
{
	json_write_object(&d->json);
	json_write_member_c(&d->json, "type", "image_url");
	json_write_key(&d->json, "image_url");
	json_write_object(&d->json);
	json_write_member(&d->json, "url", url);
	if (detail.len > 0)
		json_write_member(&d->json, "detail", detail);
	json_write_object_end(&d->json);
	json_write_object_end(&d->json);
}

void decode_write_file(struct decoding *d, struct text name, struct text data)
{
	json_write_object(&d->json);
	json_write_member_c(&d->json, "type", "file");
	json_write_key(&d->json, "file");
	json_write_object(&d->json);
	json_write_member(&d->json, "filename", name.len > 0 ? name : TEXT("document.pdf"));
	json_write_member(&d->json, "file_data", data);
	json_write_object_end(&d->json);
	json_write_object_end(&d->json);
}

void decode_write_call(struct decoding *d, struct text id, struct text name, struct text arguments,
                       const struct json *extra)
{
	json_write_object(&d->json);
	json_write_member(&d->json, "id", id);
	json_write_member_c(&d->json, "type", "function");
	json_write_key(&d->json, "function");
	json_write_object(&d->json);
	json_write_member(&d->json, "name", name);
	json_write_member(&d->json, "arguments", arguments);
	json_write_object_end(&d->json);
	if (json_is(extra, JSON_OBJECT)) {
		json_write_key(&d->json, "extra_content");
		json_write_node(&d->json, extra);
	}
	json_write_object_end(&d->json);
}

void decode_write_named(struct decoding *d, struct text name)
{
	json_write_object(&d->json);
	json_write_member_c(&d->json, "type", "function");
	json_write_key(&d->json, "function");
	json_write_object(&d->json);
	json_write_member(&d->json, "name", name);
	json_write_object_end(&d->json);
	json_write_object_end(&d->json);
}

bool decode_run(const struct json *root, struct arena *arena, void (*write)(struct decoding *d),
                struct decoded *out, struct decode_fault *fault)
{
	struct decoding d = {.root = root, .arena = arena, .fault = fault};
	struct text_buf buf;

	*fault = (struct decode_fault){.param = NULL};
	text_buf_init(&buf, DECODED_MAX_BYTES);
	json_writer_init(&d.json, &buf, false);
	if (json_is(root, JSON_OBJECT))
		write(&d);
	else
		decode_refuse(&d, NULL, "the body must be a JSON object");
	if (buf.overflow)
		decode_refuse(&d, NULL, "the request is too large");
	out->body = d.refused ? TEXT("") : text_copy(arena, text_buf_view(&buf));
	out->dropped = dropped_list(&d.dropped, arena);
	text_buf_done(&buf);
	return !d.refused;
}
