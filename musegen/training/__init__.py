"""Training: windows of music, one way to keep and resume a run, and what each family adds."""


class TrainingError(RuntimeError):
    """Training can't go on: the loss is not a finite number any more."""
