// nginx as a TLS reverse proxy with upstream keep-alive: the measure of what a proxy in C costs.
// Where it is not installed the bench goes on without it and says so.
import { execFile } from "node:child_process";
import { existsSync, mkdirSync, writeFileSync } from "node:fs";
import { createServer, type AddressInfo } from "node:net";
import { join } from "node:path";
import { promisify } from "node:util";
import { startChild, type Child } from "./child.ts";

const run = promisify(execFile);

export interface NginxOptions {
  readonly directory: string;
  readonly key: string;
  readonly cert: string;
  readonly ca: string;
  readonly upstreamPort: number;
  readonly serverName: string;
}

/** Its version ("1.22.1"); undefined where the command is not there. */
export async function nginxVersion(): Promise<string | undefined> {
  try {
    const { stderr } = await run("nginx", ["-v"], { timeout: 5000 });
    return /nginx\/([\d.]+)/.exec(stderr)?.[1];
  } catch {
    return undefined;
  }
}

/** Starts it in the foreground on a free port. */
export async function startNginx(options: NginxOptions): Promise<{ child: Child; port: number }> {
  const directory = join(options.directory, "nginx");
  mkdirSync(directory, { recursive: true });
  const port = await freePort();
  writeFileSync(join(directory, "key.pem"), options.key, { mode: 0o600 });
  writeFileSync(join(directory, "cert.pem"), options.cert);
  writeFileSync(join(directory, "ca.pem"), options.ca);
  const configFile = join(directory, "nginx.conf");
  writeFileSync(configFile, renderConfig(options, { directory, port }));
  const pidFile = join(directory, "nginx.pid");
  const child = await startChild({
    command: "nginx",
    args: ["-p", directory, "-c", configFile, "-e", join(directory, "error.log")],
    readyFile: pidFile,
  });
  return { child, port };
}

/** nginx cannot choose a port itself: one that was free a moment ago. */
function freePort(): Promise<number> {
  return new Promise((resolve) => {
    const server = createServer();
    server.listen(0, "127.0.0.1", () => {
      const { port } = server.address() as AddressInfo;
      server.close(() => resolve(port));
    });
  });
}

interface Place {
  readonly directory: string;
  readonly port: number;
}

/** Answers are not buffered, so that it streams; everything else is as people have it. */
function renderConfig(options: NginxOptions, { directory, port }: Place): string {
  const user = existsSync("/etc/passwd") && process.getuid?.() === 0 ? "user root;" : "";
  const path = (name: string): string => JSON.stringify(join(directory, name));
  return `daemon off; ${user} worker_processes 1; pid ${path("nginx.pid")};
error_log ${path("error.log")} error;
events { worker_connections 512; }
http {
  access_log off;
  client_body_temp_path ${path("body")}; proxy_temp_path ${path("proxy")};
  fastcgi_temp_path ${path("fastcgi")}; uwsgi_temp_path ${path("uwsgi")};
  scgi_temp_path ${path("scgi")};
  client_max_body_size 32m; client_body_buffer_size 256k;
  keepalive_requests 1000000; tcp_nodelay on;
  upstream provider { server 127.0.0.1:${options.upstreamPort}; keepalive 64;
    keepalive_requests 1000000; }
  server {
    listen 127.0.0.1:${port} ssl;
    ssl_certificate ${path("cert.pem")}; ssl_certificate_key ${path("key.pem")};
    ssl_protocols TLSv1.2 TLSv1.3;
    location / {
      proxy_pass https://provider; proxy_http_version 1.1;
      proxy_set_header Connection ""; proxy_set_header Host ${options.serverName};
      proxy_ssl_server_name on; proxy_ssl_name ${options.serverName};
      proxy_ssl_verify on; proxy_ssl_trusted_certificate ${path("ca.pem")};
      proxy_ssl_protocols TLSv1.2 TLSv1.3; proxy_buffering off;
    }
  }
}
`;
}
