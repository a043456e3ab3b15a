"""An engine of papermill that masks secrets before each save, and fails unless every promised check
ran and passed: ``papermill in.ipynb out.ipynb --engine gt_secure``.

The class is made when it is first asked for: papermill loads this module while it is itself being
imported.
"""

from __future__ import annotations

from typing import Any

from .notebooks import require_run
from .secret_check import SecretCheck


def __getattr__(name: str) -> Any:
    if name != "GuardedEngine":
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from papermill.engines import NBClientEngine

    # The import may have asked for the class already.
    return globals().get(name) or globals().setdefault(name, _engine(NBClientEngine))


def _raises(cell: Any) -> bool:
    """Return whether papermill itself raises for a cell: for each error,
    except the end with code 0.
    """
    errors = [each for each in cell.get("outputs") or () if each.output_type == "error"]
    return any(each.ename != "SystemExit" or each.evalue not in ("", "0") for each in errors)


def _engine(base: Any) -> Any:
    class GuardedEngine(base):  # type: ignore[misc]
        """Run a notebook as papermill does, and mask the secrets of what it saves,
        after each cell and at the end.
        """

        @classmethod
        def execute_managed_notebook(cls, nb_man: Any, kernel_name: str, **options: Any) -> Any:
            guard, save = SecretCheck(), nb_man.save

            def save_masked(**given: Any) -> Any:
                guard.check(given.get("nb") or nb_man.nb, str(nb_man.output_path or "The notebook"))
                return save(**given)

            nb_man.save = save_masked
            try:
                result = super().execute_managed_notebook(nb_man, kernel_name, **options)
            finally:
                guard.check(nb_man.nb, str(nb_man.output_path or "The notebook"))
            if not any(map(_raises, nb_man.nb.cells)):
                subject = str(nb_man.output_path or "The notebook")
                require_run(nb_man.nb, nb_man.nb, subject, of_checks=True)
            return result

    return GuardedEngine
