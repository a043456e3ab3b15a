"""The part of the SageMaker API that deals with workteams, workforces and labeling jobs."""
