"""gt_secure: restrict, test and watch who can open SageMaker Ground Truth images."""
