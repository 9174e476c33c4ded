"""`freeseg serve`: a web page and an API over one model in one process.

Importing this room needs nothing heavy: FastAPI, uvicorn and the model come in with `app` and `running`.
"""
