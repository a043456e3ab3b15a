"""An engine of papermill that masks secrets before each save: ``papermill in.ipynb out.ipynb --engine gt_secure``."""

from __future__ import annotations

from typing import Any

from papermill.engines import NBClientEngine

from .save_guard import SaveGuard


class GuardedEngine(NBClientEngine):  # type: ignore[misc]
    """Run a notebook as papermill does, and mask the secrets of what it saves, after each cell and at the end."""

    @classmethod
    def execute_managed_notebook(cls, nb_man: Any, kernel_name: str, **options: Any) -> Any:
        """Run the notebook of a papermill manager.

        Parameters
        ----------
        nb_man : papermill.engines.NotebookExecutionManager
        kernel_name : str
        options
            Those of papermill's own engine.
        """
        guard, save = SaveGuard(), nb_man.save

        def save_masked(**given: Any) -> Any:
            guard.check(given.get("nb") or nb_man.nb, str(nb_man.output_path or "The notebook"))
            return save(**given)

        nb_man.save = save_masked
        try:
            return super().execute_managed_notebook(nb_man, kernel_name, **options)
        finally:
            guard.check(nb_man.nb, str(nb_man.output_path or "The notebook"))
