"""Nothing twice: every unique key and every fence against the late writer that it is there for."""
