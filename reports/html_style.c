/*
 * The look of the HTML report. The page's policy lets no other style in, so no attribute of an
 * element carries any. Colour repeats what a word says already; it is never alone.
 */
#include "reports/html.h"

#include "harness/base/digest.h"

static const char *const style_lines[] = {
    ":root{color-scheme:light dark;--ink:#1b1f24;--page:#fff;--soft:#f3f5f7;--line:#d5dae0;",
    "--mute:#59636e;--link:#0550ae;--good:#116329;--bad:#a40e26;--warn:#7a4b00;",
    "--goodbg:#e6f6ea;--badbg:#fdecee;--warnbg:#fdf3dc}\n",
    "@media(prefers-color-scheme:dark){:root{--ink:#e6e9ed;--page:#101418;--soft:#1a2027;",
    "--line:#343c46;--mute:#9aa5b1;--link:#79b8ff;--good:#6fdd8b;--bad:#ff9aa6;--warn:#f2c66d;",
    "--goodbg:#12301c;--badbg:#3c161c;--warnbg:#352a10}}\n",
    "*{box-sizing:border-box}html{-webkit-text-size-adjust:100%}",
    "body{margin:0 auto;padding:1rem 1.25rem 4rem;max-width:90rem;background:var(--page);",
    "color:var(--ink);font:15px/1.5 system-ui,sans-serif}\n",
    "h1{font-size:1.5rem;margin:.4rem 0 .2rem}h2{font-size:1.15rem;margin:2rem 0 .6rem}",
    "p{margin:.3rem 0}a{color:var(--link)}.mute{color:var(--mute)}\n",
    "nav{display:flex;flex-wrap:wrap;gap:.1rem 1rem}nav ",
    "a{white-space:nowrap}.scroll{overflow-x:auto;max-width:100%}\n",
    "table{border-collapse:collapse;font-variant-numeric:tabular-nums}",
    "th,td{border:1px solid var(--line);padding:.3rem .55rem;text-align:left;",
    "vertical-align:top;white-space:nowrap}",
    "thead th{background:var(--soft);white-space:normal;min-width:5.5rem;",
    "overflow-wrap:break-word}.c{white-space:nowrap}td.n{text-align:right}\n",
    "tbody th{position:sticky;left:0;background:var(--soft);font-weight:600}",
    /* The name of a model may be long: it wraps, so that the columns behind it stay in sight. */
    "tbody th,.name{white-space:normal;min-width:9rem;max-width:18rem;overflow-wrap:break-word}\n",
    "td a{text-decoration:none;color:inherit;display:block}td a:hover{text-decoration:underline}\n",
    ".v{font-weight:700;font-size:.8rem;letter-spacing:.02em;padding:.05rem .4rem;",
    "border:1px solid var(--line);border-radius:.25rem;white-space:nowrap}\n",
    ".pass{color:var(--good);background:var(--goodbg)}",
    ".fail,.ignored,.unsupported{color:var(--bad);background:var(--badbg)}",
    ".flaky,.error,.inconclusive,.stale{color:var(--warn);background:var(--warnbg)}",
    "span.v:not(.pass){border-color:currentColor}td:not(.pass) a{font-weight:700}",
    ".skipped{color:var(--mute)}\n",
    ".regressed{color:var(--bad);background:var(--badbg);border-color:currentColor}",
    ".likely,.watch{color:var(--warn);background:var(--warnbg);border-color:currentColor}",
    ".fixed{color:var(--good);background:var(--goodbg)}",
    ".wide{white-space:normal;min-width:14rem;overflow-wrap:anywhere}\n",
    "details{border:1px solid var(--line);border-radius:.35rem;margin:.35rem 0}",
    "summary{cursor:pointer;padding:.35rem .6rem;overflow-wrap:anywhere}",
    "details>div{padding:.2rem .7rem .7rem;border-top:1px solid var(--line)}",
    "details details{background:var(--page)}summary:hover{background:var(--soft)}\n",
    "summary b{margin:0 .35rem}:focus-visible{outline:2px solid var(--link);outline-offset:1px}\n",
    ":target{scroll-margin-top:3rem}\n",
    "dl{display:grid;grid-template-columns:max-content 1fr;gap:.1rem .9rem;margin:.4rem 0}",
    "dt{color:var(--mute)}dd{margin:0;overflow-wrap:anywhere}\n",
    ".why{overflow-wrap:anywhere;border-left:3px solid var(--line);padding-left:.6rem}\n",
    "h3{font-size:.9rem;margin:.8rem 0 .2rem}",
    "pre{margin:.2rem 0;padding:.6rem;background:var(--soft);border:1px solid var(--line);",
    "border-radius:.3rem;overflow:auto;max-height:28rem;font:12.5px/1.45 ui-monospace,monospace;",
    "white-space:pre-wrap;overflow-wrap:anywhere}\n",
    ".chart{display:block;width:100%;max-width:46rem;height:auto;margin:.4rem 0;",
    "font:12px system-ui,sans-serif}.chart text{fill:var(--ink);paint-order:stroke;",
    "stroke:var(--page);stroke-width:4px;stroke-linejoin:round}",
    ".chart path,.chart polyline{fill:none}.axis{stroke:var(--mute)}.grid{stroke:var(--line);",
    "stroke-width:.5}.front{stroke:var(--good);stroke-width:1.5;stroke-dasharray:4 3}",
    ".best{fill:var(--good);stroke:var(--good)}.other{fill:var(--page);stroke:var(--ink)}\n",
    ".line{stroke-width:2}.line0{stroke:var(--ink)}.line1{stroke:var(--good);",
    "stroke-dasharray:8 3}.line2{stroke:var(--link);stroke-dasharray:2 3}",
    ".line3{stroke:var(--bad);stroke-dasharray:8 3 2 3}\n",
    "@media(max-width:40rem){body{padding:.7rem .6rem 3rem;font-size:14px}",
    "h1{font-size:1.25rem}dl{grid-template-columns:1fr}dt{margin-top:.3rem;font-size:.85em}",
    "th,td{padding:.25rem .4rem}tbody th{min-width:0;max-width:11rem}.chart{min-width:34rem}",
    /* Six columns do not fit there: each change is a card. */
    "#changes thead{display:none}#changes :is(table,tbody,tr,td.wide){display:block}",
    "#changes tr{border:1px solid var(--line);border-radius:.35rem;margin:.35rem 0;padding:.2rem}",
    "#changes td{display:inline-block;border:0;padding:.1rem .3rem;min-width:0;max-width:none;",
    "overflow-wrap:anywhere}#changes td a{text-decoration:underline}}\n",
    "@media print{:root{--ink:#000;--page:#fff;--soft:#fff;--mute:#333;--line:#888;--link:#000;",
    "--good:#000;--bad:#000;--warn:#000;--goodbg:#fff;--badbg:#fff;--warnbg:#fff}",
    "body{max-width:none;padding:0;font-size:10pt}nav{display:none}",
    "pre{max-height:none}.scroll{overflow:visible}th,td{white-space:normal}",
    /* A column for each target: as many as paper holds. */
    "@page{size:landscape;margin:12mm}#capabilities table{font-size:6.5pt}",
    "#capabilities th,#capabilities td{min-width:0;padding:.1rem .2rem;overflow-wrap:anywhere}",
    "#capabilities tr>:first-child{overflow-wrap:normal}",
    "details details,tr{break-inside:avoid}h2,h3,summary{break-after:avoid}}\n",
};

void html_add_style(struct text_buf *out)
{
	for (size_t i = 0; i < ARRAY_LENGTH(style_lines); i++)
		(void)text_buf_add_c(out, style_lines[i]);
}

void html_add_style_hash(struct text_buf *out)
{
	static const char digits[] =
	    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
	unsigned char hash[DIGEST_BYTES + 1] = {0}; /* 33 bytes: eleven groups, the last of two */
	struct digest digest;

	digest_init(&digest);
	for (size_t i = 0; i < ARRAY_LENGTH(style_lines); i++)
		digest_add(&digest, text_of(style_lines[i]));
	digest_done(&digest, hash);
	(void)text_buf_add_c(out, "sha256-");
	for (size_t i = 0; i < sizeof(hash); i += 3) {
		unsigned group = (unsigned)hash[i] << 16 | (unsigned)hash[i + 1] << 8 | hash[i + 2];
		(void)text_buf_byte(out, digits[group >> 18]);
		(void)text_buf_byte(out, digits[group >> 12 & 63]);
		(void)text_buf_byte(out, digits[group >> 6 & 63]);
		(void)text_buf_byte(out, i + 3 == sizeof(hash) ? '=' : digits[group & 63]);
	}
}

void html_add_head(struct text_buf *out, const char *title)
{
	(void)text_buf_add_c(out, "<!DOCTYPE html>\n<html lang=en><head><meta charset=utf-8>\n"
	                          "<meta http-equiv=Content-Security-Policy content=\"default-src "
	                          "'none'; style-src '");
	html_add_style_hash(out);
	(void)text_buf_format(
	    out,
	    "'; base-uri 'none'; form-action 'none'\">\n"
	    "<meta name=viewport content=\"width=device-width,initial-scale=1\">\n"
	    "<meta name=referrer content=no-referrer>\n"
	    "<title>%s</title>\n<style>",
	    title);
	html_add_style(out);
	(void)text_buf_add_c(out, "</style></head><body>\n");
}
