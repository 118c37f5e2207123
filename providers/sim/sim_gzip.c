/*
 * Content coding for whoever accepts gzip only: RFC 1952 around RFC 1951's stored blocks. Nothing
 * gets smaller, but it is what any decoder takes, and each piece can be decoded as it comes.
 */
#include "providers/sim/sim_private.h"

enum {
	GZIP_BLOCK_MAX = 65535,
	GZIP_BYTE = 0xff,
};

static const uint32_t crc_polynomial = 0xedb88320u;

static uint32_t gzip_crc(uint32_t crc, struct text bytes)
{
	crc = ~crc;
	for (size_t i = 0; i < bytes.len; i++) {
		crc ^= (unsigned char)bytes.data[i];
		for (int bit = 0; bit < 8; bit++)
			crc = (crc >> 1) ^ ((crc & 1) != 0 ? crc_polynomial : 0);
	}
	return ~crc;
}

/* Little-endian. */
static void gzip_number(struct text_buf *out, uint32_t value, int bytes)
{
	for (int i = 0; i < bytes; i++)
		(void)text_buf_byte(out, (char)(value >> (8 * i) & GZIP_BYTE));
}

static void gzip_begin(struct sim_gzip *gzip, struct text_buf *out)
{
	/* deflate, no flags, no time, no extra, unknown system */
	static const char head[] = "\x1f\x8b\x08\0\0\0\0\0\0\xff";

	if (!gzip->begun)
		text_buf_add(out, (struct text){head, sizeof(head) - 1});
	gzip->begun = true;
}

static void gzip_block(struct text bytes, bool last, struct text_buf *out)
{
	(void)text_buf_byte(out, last ? 1 : 0);
	gzip_number(out, (uint32_t)bytes.len, 2);
	gzip_number(out, ~(uint32_t)bytes.len, 2);
	text_buf_add(out, bytes);
}

void sim_gzip_add(struct sim_gzip *gzip, struct text bytes, struct text_buf *out)
{
	gzip_begin(gzip, out);
	for (size_t at = 0; at < bytes.len; at += GZIP_BLOCK_MAX)
		gzip_block(text_slice(bytes, at, at + GZIP_BLOCK_MAX), false, out);
	gzip->crc = gzip_crc(gzip->crc, bytes);
	gzip->size += (uint32_t)bytes.len; /* modulo 2^32, as the format wants it */
}

void sim_gzip_end(struct sim_gzip *gzip, struct text_buf *out)
{
	gzip_begin(gzip, out);
	gzip_block(TEXT(""), true, out);
	gzip_number(out, gzip->crc, 4);
	gzip_number(out, gzip->size, 4);
}
