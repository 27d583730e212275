"""Certificates made for one test run: an authority, and what it vouches for."""

import ssl
from pathlib import Path

import trustme


class Authority:
    """An authority of certificates, with its own and what it issues as files in a folder."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._folder = folder
        self._ca = trustme.CA()
        self.file = folder / "ca.pem"
        self._ca.cert_pem.write_to_path(str(self.file))

    def issue(self, *names: str) -> tuple[Path, Path, Path]:
        """Certificate, key, and both in one file."""
        issued = self._ca.issue_cert(*names)
        cert, key, both = (self._folder / f"{names[0]}.{kind}.pem" for kind in ("cert", "key", "both"))
        issued.cert_chain_pems[0].write_to_path(str(cert))
        issued.private_key_pem.write_to_path(str(key))
        issued.private_key_and_cert_chain_pem.write_to_path(str(both))
        return cert, key, both

    def trust(self) -> ssl.SSLContext:
        """A client's context that trusts this authority alone."""
        return ssl.create_default_context(cafile=self.file)
