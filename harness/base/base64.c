/* Base64, both ways; see base64.h. */
#include "harness/base/base64.h"

static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

int base64_value(char digit)
{
	if (digit >= 'A' && digit <= 'Z')
		return digit - 'A';
	if (digit >= 'a' && digit <= 'z')
		return digit - 'a' + 26;
	if (digit >= '0' && digit <= '9')
		return digit - '0' + 52;
	return digit == '+' ? 62 : digit == '/' ? 63 : -1;
}

/* Three bytes as a number; those behind the end are 0. */
static unsigned three_at(struct text bytes, size_t at)
{
	unsigned three = 0;

	for (size_t i = at; i < at + 3; i++)
		three = three << 8 | (i < bytes.len ? (unsigned char)bytes.data[i] : 0);
	return three;
}

struct text base64_encode(struct arena *arena, struct text bytes)
{
	size_t groups = bytes.len / 3 + (bytes.len % 3 != 0);
	char *out = arena_alloc_bytes(arena, size_mul(groups, 4) + 1);
	size_t len = 0;

	for (size_t at = 0; at < bytes.len; at += 3) {
		unsigned three = three_at(bytes, at);
		for (unsigned k = 0; k < 4; k++)
			out[len++] = at + k > bytes.len ? '=' : digits[three >> (18 - 6 * k) & 63];
	}
	return (struct text){out, len};
}

bool base64_decode(struct text coded, struct arena *arena, struct text *out)
{
	unsigned held = 0, bits = 0;
	size_t len = 0;

	for (int i = 0; i < 2 && coded.len > 0 && coded.data[coded.len - 1] == '='; i++)
		coded.len--;
	if (coded.len % 4 == 1)
		return false;
	char *bytes = arena_alloc_bytes(arena, coded.len + 1);
	for (size_t i = 0; i < coded.len; i++) {
		int value = base64_value(coded.data[i]);
		if (value < 0)
			return false;
		held = (held << 6 | (unsigned)value) & 0xffff;
		bits += 6;
		if (bits < 8)
			continue;
		bits -= 8;
		bytes[len++] = (char)(unsigned char)(held >> bits & 0xff);
	}
	*out = (struct text){bytes, len};
	return true;
}
