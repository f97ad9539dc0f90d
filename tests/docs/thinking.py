"""An interpreter that runs one piece of Python after the other for `walking.py`: each line of stdin is one, each line of stdout its answer."""

from __future__ import annotations

import contextlib
import io
import json
import os
import sys
import traceback
import types


def main() -> None:
    """Run what comes, with what came before."""
    sys.path[0] = ""  # the folder that it is run in
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # what is printed past Python is no answer
    sys.modules["__main__"] = page = types.ModuleType("__main__")
    names = vars(page)
    for line in sys.stdin:
        asked = json.loads(line)
        os.environ.clear()
        os.environ.update(asked["environ"])
        os.chdir(asked["cwd"])
        said, error = io.StringIO(), None
        try:
            with contextlib.redirect_stdout(said):
                exec(compile(asked["code"], asked["where"], "exec", dont_inherit=True), names)
        except BaseException:  # noqa: BLE001 - whatever it is, the test tells it
            error = traceback.format_exc()
        print(json.dumps({"said": said.getvalue(), "error": error}), file=answers, flush=True)


if __name__ == "__main__":
    main()
