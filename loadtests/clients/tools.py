"""Where the programs are that crawl: the system's, those of a Python environment, those of a folder of Node.js.

Promises: nothing is installed unless somebody asks for it, and then into one folder; what is missing is named with what
brings it. Never: changes the environment that it runs in.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Final

PROGRAMS: Final = Path(__file__).parent / "programs"
FOLDER: Final = Path(tempfile.gettempdir()) / "trafficguard-clients"
"""Where `--install` puts what it installs, unless told otherwise."""
INSTALL: Final = "python -m loadtests clients --install"


@dataclass(frozen=True, slots=True)
class Tools:
    """A folder of installed programs, beside what the system has."""

    folder: Path

    @property
    def python(self) -> str:
        """The Python that has the libraries: the folder's, or the one that runs this."""
        own = self.folder / "python" / "bin" / "python"
        return str(own) if own.exists() else sys.executable

    @property
    def node_home(self) -> Path:
        """The folder in which Node.js finds its packages."""
        return self.folder / "node"

    def missing(self, program: str = "", library: str = "", package: str = "") -> str:
        """What has to be done before a client can be tried; empty where nothing has to."""
        if program and not find(program):
            return f"no {program}: apt-get install {_DEBIAN.get(program, program)}"
        if library and not self._has(library):
            return f"no {library}: {INSTALL}"
        if package and not (self.node_home / "node_modules" / package).exists():
            return f"no {package}: {INSTALL}"
        return ""

    def _has(self, library: str) -> bool:
        look = f"import importlib.util, sys; sys.exit(importlib.util.find_spec({library!r}) is None)"
        return subprocess.run([self.python, "-c", look], check=False, capture_output=True).returncode == 0

    def install(self) -> None:
        """Brings all libraries of Python and Node.js. Raises CalledProcessError where that fails."""
        home = self.folder / "python"
        subprocess.run([sys.executable, "-m", "venv", str(home)], check=True)
        wanted = ["-r", str(PROGRAMS / "requirements.txt")]
        subprocess.run([str(home / "bin" / "python"), "-m", "pip", "install", "--quiet", *wanted], check=True)
        npm = find("npm")
        if npm:
            self.node_home.mkdir(parents=True, exist_ok=True)
            for file in (PROGRAMS / "package.json", *PROGRAMS.glob("*.mjs")):
                shutil.copy(file, self.node_home)
            options = ["--no-audit", "--no-fund", "--loglevel=error"]
            subprocess.run([npm, "install", *options], cwd=self.node_home, check=True)


def find(program: str) -> str:
    """The path of a program; empty where there is none."""
    return shutil.which(program) or ""


_DEBIAN: Final = {"node": "nodejs", "npm": "npm", "Xvfb": "xvfb"}
