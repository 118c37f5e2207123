"""What is compared: the mock provider, and the proxies in front of it, each tuned as its manual says."""
import http.client
import json
import os
import pathlib
import signal
import socket
import subprocess
import time

from measure import matrix_text

WORKERS = 2
START_LIMIT_S = 30


def free_port():
    with socket.create_server(("127.0.0.1", 0)) as taken:
        return taken.getsockname()[1]


def tree(pid):
    """The process and its children: nginx works in children."""
    found = [pid]
    for path in pathlib.Path("/proc").glob("[0-9]*/stat"):
        try:
            if int(path.read_text().rsplit(")", 1)[1].split()[1]) == pid:
                found.append(int(path.parent.name))
        except (OSError, IndexError):
            pass
    return found


class Server:
    """A process that listens; CPU and memory as the system counts them."""

    headers = {}

    def __init__(self, name, command, port, env=None, folder=None, log=None):
        self.name, self.port = name, port
        self.log = open(log, "ab") if log else subprocess.DEVNULL
        self.process = subprocess.Popen(command, cwd=folder, env=env, stdin=subprocess.DEVNULL, stdout=self.log, stderr=self.log)
        end = time.monotonic() + START_LIMIT_S
        while True:
            try:
                socket.create_connection(("127.0.0.1", port), timeout=1).close()
                return
            except OSError:
                if self.process.poll() is not None or time.monotonic() > end:
                    raise RuntimeError(f"{name} did not start: {' '.join(map(str, command))}") from None
                time.sleep(0.02)

    def cpu_us(self):
        total = 0
        for pid in tree(self.process.pid):
            for path in pathlib.Path(f"/proc/{pid}/task").glob("*/schedstat"):
                total += int(path.read_text().split()[0])
        return total / 1000

    def memory_kb(self):
        """Anonymous and file pages in memory, those that processes share counted once."""
        total = 0
        for pid in tree(self.process.pid):
            for line in pathlib.Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
                if line.startswith("Pss:"):
                    total += int(line.split()[1])
        return total

    def stop(self):
        self.process.send_signal(signal.SIGTERM)
        try:
            self.process.wait(timeout=30)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()

    def header_lines(self):
        return "".join(f"{name}: {value}\r\n" for name, value in self.headers.items())


class Mock:
    def __init__(self, program, gap_ms):
        self.process = subprocess.Popen([program, str(gap_ms)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.port = int(self.process.stdout.readline())

    def finish(self):
        connection = http.client.HTTPConnection("127.0.0.1", self.port)
        connection.request("POST", "/finish", b"")
        connection.getresponse().read()
        connection.close()

    def stop(self):
        self.process.stdin.close()
        self.process.wait(timeout=30)


class Nginx(Server):
    def __init__(self, folder, upstream):
        port = free_port()
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "nginx.conf").write_text(f"""
daemon off; worker_processes {WORKERS}; worker_rlimit_nofile 65536; pid {folder}/nginx.pid; error_log {folder}/error.log;
events {{ worker_connections 32768; }}
http {{
  access_log off; keepalive_requests 1000000000; keepalive_timeout 300s; client_body_temp_path {folder}/body;
  proxy_temp_path {folder}/proxy; fastcgi_temp_path {folder}/fastcgi; uwsgi_temp_path {folder}/uwsgi; scgi_temp_path {folder}/scgi;
  upstream mock {{ server 127.0.0.1:{upstream}; keepalive 512; keepalive_requests 1000000000; }}
  server {{
    listen 127.0.0.1:{port} reuseport backlog=4096;
    location / {{ proxy_pass http://mock; proxy_http_version 1.1; proxy_set_header Connection ""; proxy_buffering off; }}
  }}
}}
""")
        super().__init__("nginx", ["nginx", "-e", str(folder / "error.log"), "-c", str(folder / "nginx.conf")], port)


class Haproxy(Server):
    def __init__(self, folder, upstream):
        port = free_port()
        folder.mkdir(parents=True, exist_ok=True)
        path = folder / "haproxy.cfg"
        path.write_text(f"""
global
  nbthread {WORKERS}
  maxconn 9900
defaults
  mode http
  timeout connect 5s
  timeout client 300s
  timeout server 300s
  option http-no-delay
  http-reuse always
frontend in
  bind 127.0.0.1:{port} backlog 4096
  default_backend mock
backend mock
  server mock 127.0.0.1:{upstream} pool-max-conn 512
""")
        super().__init__("haproxy", ["haproxy", "-f", str(path)], port, log=folder / "log")


class Portkey(Server):
    def __init__(self, folder, upstream, package):
        port = free_port()
        env = {"PATH": os.environ["PATH"], "TRUSTED_CUSTOM_HOSTS": "127.0.0.1,localhost", "NODE_ENV": "production"}
        folder.mkdir(parents=True, exist_ok=True)
        self.headers = {"authorization": "Bearer any", "x-portkey-provider": "openai",
                        "x-portkey-custom-host": f"http://127.0.0.1:{upstream}/v1"}
        super().__init__("portkey", ["node", str(package / "build/start-server.js"), f"--port={port}", "--headless"], port,
                         env=env, log=folder / "log")


class Proviso(Server):
    """All on: keys, gate, budgets, ledger, its live checks."""

    def __init__(self, program, folder, upstream, matrix, durability="strict", name="proviso"):
        folder.mkdir(parents=True, exist_ok=True)
        for old in folder.glob("proviso.db*"):
            old.unlink()
        port = free_port()
        self.folder = folder
        (folder / "proviso.yaml").write_text(json.dumps(config_of(upstream, durability)))
        env = {"PATH": os.environ["PATH"], "HOME": str(folder), "KEY": "bench-key-of-the-provider", "PROVISO_LOG_LEVEL": "warn"}
        made = subprocess.run([program, "key", "create", "--name", "bench", "--team", "bench", "--budget", "100000", "--per",
                               "month"], cwd=folder, env=env, capture_output=True, text=True, check=True)
        self.headers = {"authorization": f"Bearer {made.stdout.strip()}"}
        super().__init__(name, [program, "proxy", "--matrix", str(matrix), "--listen", f"127.0.0.1:{port}", "--workers",
                                str(WORKERS)], port, env=env, folder=folder, log=folder / "log")


PRICE = {"input": "0.10", "output": "0.30"}
COST_PICO_USD = 23 * 100_000 + 27 * 300_000  # of each reply of the mock


def config_of(upstream, durability="strict", targets=3):
    names = [f"p{i:02}" for i in range(targets)]
    model = {"context": 128000, "max_output": 8192, "price": PRICE, "endpoints": ["chat"]}
    return {"version": 1,
            "providers": {name: {"base_url": f"http://127.0.0.1:{upstream}/v1", "api_key": "env:KEY",
                                 "limits": {"concurrency": 10000}, "models": {"m": model}} for name in names},
            "routes": {"coder": {"targets": [f"{name}/m" for name in names], "strategy": "cheapest"}},
            "keys": {"store": "proviso.db"},
            "budgets": [{"scope": {"team": "bench"}, "limit_usd": "1000000", "per": "month"},
                        {"scope": {"provider": "p00"}, "limit_usd": "1000000", "per": "day"}],
            "proxy": {"limits": {"connections": 20000}},
            "ledger": {"path": "proviso.db", "durability": durability}}


def matrices(program, folder):
    """What a good provider proves, for 3 targets and for 50: asked of the simulator."""
    folder.mkdir(parents=True, exist_ok=True)
    sim = subprocess.Popen([program, "sim", "--models", "m", "--api-key", "k"], stdout=subprocess.PIPE, text=True)
    try:
        url = sim.stdout.readline().strip()
        (folder / "proviso.yaml").write_text(json.dumps({"version": 1, "providers": {"p00": {
            "base_url": url, "api_key": "env:KEY", "models": {"m": {"context": 8192, "max_output": 4096, "price": PRICE}}}}}))
        (folder / "proviso-matrix.json").unlink(missing_ok=True)
        done = subprocess.run([program, "check", "--profile", "onboard", "--out", "run"], cwd=folder, capture_output=True, text=True,
                              env={"PATH": os.environ["PATH"], "KEY": "k", "HOME": str(folder)})
        if done.returncode not in (0, 1):
            raise RuntimeError(f"the matrix was not made: {done.stdout[-2000:]}{done.stderr[-2000:]}")
    finally:
        sim.terminate()
        sim.wait()
    one = json.loads((folder / "proviso-matrix.json").read_text())
    paths = []
    for targets in (3, 50):
        whole = dict(one)
        whole["cells"] = [{**cell, "target": f"p{i:02}/m", "provider": f"p{i:02}"} if "provider" in cell else
                          {**cell, "target": f"p{i:02}/m"} for i in range(targets) for cell in one["cells"]]
        paths.append(folder / f"matrix-{targets}.json")
        paths[-1].write_text(matrix_text(whole))
    return paths
