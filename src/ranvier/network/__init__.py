"""The description of a network and its training (layers, losses, optimizers, schedules) as frozen records."""
