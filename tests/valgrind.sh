#!/usr/bin/env bash
# The commands under valgrind, each a whole process against the simulator: no bad read, no use of what was never
# set, nothing lost. TAP. usage: valgrind.sh PROGRAM
set -u
program=$(realpath "$1")
work=$(mktemp -d "${TMPDIR:-/tmp}/proviso-valgrind.XXXXXX")
cd "$work" || exit 1
# Ends what this script has started, and nothing else.
started=""
trap 'for pid in $started; do kill "$pid" 2>/dev/null; done; wait; cd /; rm -rf "$work"' EXIT
export LAB_API_KEY=sim-key TERM=dumb
count=0 bad=0
# What libraries keep until the end is reachable, and no loss.
checked=(valgrind -q --error-exitcode=99 --leak-check=full --show-leak-kinds=definite,indirect --errors-for-leak-kinds=definite,indirect --num-callers=20)

# holds CODE COMMAND...: it ends with that code and valgrind has nothing to say.
holds() {
  local wanted=$1 code; shift
  count=$((count + 1))
  "${checked[@]}" "$program" "$@" >out 2>err; code=$?
  if [ $code = "$wanted" ] && ! grep -q '^==[0-9]*==' err; then echo "ok $count - $*"
  else echo "not ok $count - $* (exit $code, want $wanted)"; sed 's/^/# /' err | head -n 60; bad=1; fi
}

listening() { until [ -s "$1" ]; do sleep 0.1; done; head -n 1 "$1"; }
"$program" sim --listen 127.0.0.1:0 --models m --break TS-01 >sim.url & started="$started $!"
url=$(listening sim.url)
cat > proviso.yaml <<EOF
version: 1
providers:
  lab: {base_url: "$url", api_key: env:LAB_API_KEY, models: {m: {context: 8192, max_output: 4096, price: {input: "0.1", output: "0.3"}}}}
routes: {coder: {targets: [lab/m]}}
keys: {store: proviso.db}
ledger: {path: proviso.db}
EOF
printf 'timestamp,input_tokens,output_tokens\n2026-10-01T10:00:00Z,900,100\n' > log.csv
printf '{"model":"coder","messages":[{"role":"user","content":"hello"}]}' > request.json
printf 'data: {"choices":[{"index":0,"delta":{"content":"hi"}}]}\n\n' > response.sse
printf 'model_list: [{model_name: g, litellm_params: {model: openai/gpt-4o, api_key: os.environ/K}}]\n' > theirs.yaml

holds 0 --version
holds 0 validate
holds 1 check --max-spend 5 --out run --csv cells.csv --html report.html --junit junit.xml --json report.json
holds 1 check --replay run
holds 0 matrix
for format in csv json markdown html junit github codequality; do holds 0 report $format --run run --out report.$format; done
holds 0 bless
holds 0 diff proviso-baseline.json proviso-matrix.json
holds 1 gate
holds 0 explain --format table request.json
holds 0 explain --target lab/m --case TS-01~stream
holds 0 inspect response.sse
holds 0 forecast log.csv --html forecast.html
holds 0 import litellm-config theirs.yaml
holds 0 key create --name first --route coder
key=$(cat out)
holds 0 key list
holds 0 completion bash
holds 2 check --max-spent 1

"${checked[@]}" "$program" proxy --listen 127.0.0.1:0 --workers 2 >proxy.url 2>proxy.err & proxy=$!; started="$started $proxy"
proxy_url=$(listening proxy.url)
for stream in false true; do
  curl -s -o answer -H "authorization: Bearer $key" "$proxy_url/chat/completions" \
    -d "{\"model\":\"coder\",\"stream\":$stream,\"messages\":[{\"role\":\"user\",\"content\":\"hello\"}]}"
  grep -q '"choices"' answer || { echo "# the proxy says: $(head -c 300 answer)"; bad=1; }
done
curl -s -o answer -d '{}' "$proxy_url/chat/completions"
kill -HUP $proxy; curl -s -o answer "${proxy_url%/v1}/readyz"
kill $proxy; wait $proxy; code=$?
count=$((count + 1))
if [ $code = 0 ] && ! grep -q '^==[0-9]*==' proxy.err; then echo "ok $count - proxy"; else echo "not ok $count - proxy (exit $code)"; sed 's/^/# /' proxy.err | head -n 60; bad=1; fi
holds 0 usage --by target
holds 0 demo
echo "1..$count"
exit $bad
