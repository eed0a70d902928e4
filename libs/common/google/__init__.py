"""The edges to Google: OAuth and ID tokens, and the APIs for mail, calendar and contacts."""
