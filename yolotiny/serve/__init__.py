"""A detector as a service: pictures by HTTP in, boxes out, by FastAPI and uvicorn (extra `serve`).

This room knows no model. It is given a callable that loads one in the worker process, see `worker.Load`.

bounds      how much is taken
refused     an answer that is an error, in one line
upload      the picture out of a request, in memory
worker      the process that looks at pictures
picture     how large one is, before anything of it is decoded
desk        places in the queue, and whose turn it is
metrics     counts for Prometheus
geojson     boxes as features
app         addresses and answers
run         a port, signals, and the end
page.*      the page at /
"""
