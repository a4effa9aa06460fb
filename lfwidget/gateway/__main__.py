"""`python -m lfwidget.gateway`: a gateway for a class, and the tokens for it."""

from __future__ import annotations

import argparse
import logging
import os
import sys
from collections.abc import Sequence
from dataclasses import replace

import uvicorn

from lfwidget.errors import GatewayError
from lfwidget.gateway.gateway import Gateway
from lfwidget.gateway.serve import config, load, refuse_public
from lfwidget.gateway.settings import Settings
from lfwidget.gateway.tokens import RIGHTS, Grant, Signer

__all__ = ["main"]

_ABOUT = """\
Relays runs of LLM flows to many watchers, over WebSocket, SSE and HTTP. It reads logs; it executes nothing.

  python -m lfwidget.gateway                                 on 127.0.0.1:8765, runs kept in this process
  python -m lfwidget.gateway --host 0.0.0.0 --tls-cert class.pem --tls-key class.key
  python -m lfwidget.gateway --redis redis://localhost       any number of these behind one load balancer
  python -m lfwidget.gateway token --expires 30d             a token for run.share(gateway=..., token=...)

The secret that signs the tokens is read from LFWIDGET_GATEWAY_SECRET (openssl rand -hex 32 makes one); without it,
one is made up, and tokens end with the process. What else can be set stands in lfwidget/gateway/settings.py, each
as LFWIDGET_GATEWAY_<NAME>.
"""
_UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86_400}


def main(arguments: Sequence[str] | None = None) -> int:
    """Serve, or print a token; the exit status."""
    parser = _parser()
    options = parser.parse_args(arguments)
    try:
        settings = Settings.from_environment()
        return _print_token(settings, options) if options.command == "token" else _serve(settings, options)
    except (GatewayError, ValueError) as error:
        parser.exit(2, f"{error}\n")


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        "python -m lfwidget.gateway", description=_ABOUT, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--host", default="127.0.0.1", help="address to listen on (%(default)s)")
    parser.add_argument(
        "--port", type=int, default=8765, help="port to listen on; 0 for any that is free (%(default)s)"
    )
    parser.add_argument("--redis", metavar="URL", help="keep runs in this Redis, which gateways can share")
    parser.add_argument(
        "--prefix",
        # A user's own server has a prefix, too, but no name of a service.
        default=os.environ.get("JUPYTERHUB_SERVICE_PREFIX", "") if os.environ.get("JUPYTERHUB_SERVICE_NAME") else "",
        help="path under which a proxy serves it and which it passes on; a service of JupyterHub knows its own",
    )
    parser.add_argument("--origin", action="append", default=[], help="a web origin whose pages may connect, too")
    parser.add_argument("--tls-cert", metavar="FILE", help="certificate, with those between it and the root")
    parser.add_argument("--tls-key", metavar="FILE", help="its key, if that is another file")
    parser.add_argument("--insecure", action="store_true", help="listen on the network without TLS")
    parser.add_argument(
        "--forwarded-allow-ips",
        metavar="IPS",
        help="proxies whose X-Forwarded headers are believed; nobody's by default",
    )
    parser.add_argument(
        "--compress", action="store_true", help="compress sockets: a tenth of the bytes, six times the CPU"
    )
    commands = parser.add_subparsers(dest="command", metavar="token")
    token = commands.add_parser("token", help="print a token instead of serving", description="Print a token.")
    token.add_argument("--can", choices=RIGHTS, default="publish", help="what its holder may do (%(default)s)")
    token.add_argument("--scope", default="*", help="run:<id>, room:<id>, or * for all (%(default)s)")
    token.add_argument("--for", dest="subject", default="", help="whom it is for; runs belong to that name")
    token.add_argument("--expires", default="30d", help="such as 90m, 12h, 30d (%(default)s)")
    return parser


def _serve(settings: Settings, options: argparse.Namespace) -> int:
    refuse_public(options.host, tls=options.tls_cert is not None, insecure=options.insecure)
    settings = replace(
        settings,
        redis=options.redis or settings.redis,
        prefix=options.prefix or settings.prefix,
        origins=(*settings.origins, *options.origin),
    )
    gateway = Gateway(settings)
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(message)s")
    if not settings.secret:
        # Without a secret that others know, nobody else could make a token for whoever shares.
        token = gateway.signer.mint(Grant("*", "publish", "started with the gateway"), 86_400)
        sys.stderr.write(f"LFWIDGET_GATEWAY_SECRET is not set. A token to share with, for one day:\n{token}\n")
    server = uvicorn.Server(
        config(
            gateway,
            host=options.host,
            port=options.port,
            tls_cert=options.tls_cert,
            tls_key=options.tls_key,
            forwarded=options.forwarded_allow_ips,
            compress=options.compress,
        )
    )
    load(server.config)
    where = f"{'https' if options.tls_cert else 'http'}://{options.host}:{options.port}{settings.prefix}"
    sys.stderr.write(f"lfwidget gateway on {where}, {'in Redis' if settings.redis else 'in this process'}\n")
    server.run()
    return 0 if server.started else 1


def _print_token(settings: Settings, options: argparse.Namespace) -> int:
    if not settings.secret:
        raise ValueError("LFWIDGET_GATEWAY_SECRET is not set: a token is signed with the secret of the gateway")
    number, unit = options.expires[:-1], options.expires[-1:]
    if not number.isdecimal() or unit not in _UNITS:
        raise ValueError(f"--expires is a number and a unit, such as 90m, 12h or 30d, not {options.expires!r}")
    grant = Grant(options.scope, options.can, options.subject)
    sys.stdout.write(Signer(settings.secret).mint(grant, int(number) * _UNITS[unit]) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
