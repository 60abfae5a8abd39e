"""Ground floor: what every other floor stands on, importing nothing of ours."""
