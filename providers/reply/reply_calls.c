/* Tool calls of a reply under construction: found by id, index or key, grown piece by piece. */
#include "harness/base/json_write.h"
#include "providers/reply/reply_build.h"

/* FNV-1a: enough to tell ids apart before their bytes are compared. */
static uint32_t hash_of(struct text id)
{
	uint32_t hash = 2166136261u;

	for (size_t i = 0; i < id.len; i++)
		hash = (hash ^ (unsigned char)id.data[i]) * 16777619u;
	return hash;
}

struct build_call *reply_build_loose_call(struct reply_build *build)
{
	struct build_call *call = ARENA_NEW(build->arena, struct build_call);

	call->index = -1;
	call->key = -1;
	text_buf_init(&call->arguments, REPLY_MAX_BYTES);
	return call;
}

void reply_build_drop_served(struct build_choice *choice)
{
	size_t kept = 0;

	for (size_t i = 0; i < choice->call_count; i++) {
		struct build_call *call = choice->calls[i];
		if (!call->served) {
			call->index = call->index < 0 ? -1 : (int64_t)kept;
			choice->calls[kept++] = call;
			continue;
		}
		text_buf_done(&call->arguments);
	}
	choice->call_count = kept;
}

struct build_call *reply_build_new_call(struct reply_build *build, struct build_choice *choice)
{
	if (build->call_count == CHAT_MAX_TOOL_CALLS) {
		build->overflow = true;
		return NULL;
	}
	if (choice->call_count == choice->call_room) {
		size_t room = choice->call_room == 0 ? 4 : choice->call_room * 2;
		struct build_call **grown =
		    ARENA_NEW_ARRAY(build->arena, struct build_call *, room);
		if (choice->call_count > 0)
			memcpy(grown, choice->calls,
			       choice->call_count * sizeof(struct build_call *));
		choice->calls = grown;
		choice->call_room = room;
	}
	struct build_call *call = reply_build_loose_call(build);
	choice->calls[choice->call_count++] = call;
	build->call_count++;
	return call;
}

struct build_call *reply_build_call_of_id(const struct build_choice *choice, struct text id)
{
	uint32_t hash = hash_of(id);

	for (size_t i = choice->call_count; i-- > 0;) {
		struct build_call *call = choice->calls[i];
		if (call->id_hash == hash && text_equal(call->id, id) && call->id.data != NULL)
			return call;
	}
	return NULL;
}

struct build_call *reply_build_call_of_index(const struct build_choice *choice, int64_t index)
{
	for (size_t i = choice->call_count; i-- > 0;)
		if (choice->calls[i]->index == index)
			return choice->calls[i];
	return NULL;
}

struct build_call *reply_build_call_of_key(const struct build_choice *choice, int64_t key)
{
	for (size_t i = choice->call_count; i-- > 0;)
		if (choice->calls[i]->key == key)
			return choice->calls[i];
	return NULL;
}

void reply_build_call_id(struct reply_build *build, struct build_call *call, struct text id)
{
	call->id = reply_build_name(build, id);
	call->id_hash = hash_of(id);
}

struct build_call *reply_build_whole_call(struct reply_build *build, struct build_choice *choice,
                                          struct text id, struct text name,
                                          const struct json *arguments)
{
	struct build_call *call = reply_build_new_call(build, choice);

	if (call == NULL)
		return NULL;
	if (id.data != NULL)
		reply_build_call_id(build, call, id);
	call->type = TEXT("function");
	call->name = reply_build_name(build, name);
	if (arguments == NULL || arguments->type == JSON_NULL)
		return call;
	if (json_is(arguments, JSON_STRING))
		reply_build_arguments(build, call, arguments->text);
	else
		reply_build_arguments(build, call, json_to_text(build->event_arena, arguments));
	call->fragments = 1;
	return call;
}
