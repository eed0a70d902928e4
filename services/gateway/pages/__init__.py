"""The web pages: rendered here, styled and brought to life by `static/`, without a request to any other host."""
