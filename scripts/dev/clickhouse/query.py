"""One query, from the statement in the request to the result in the reply."""

import json
import time

from . import blocks, codecs, formats
from .errors import NOT_IMPLEMENTED, READONLY, SYNTAX_ERROR, ServerError
from .insertion import Insertion
from .statement import MORE, find_insert, result_format

# A statement that is not an INSERT is read whole before it runs; the engine's own limit is far lower.
LONGEST_STATEMENT = 64 << 20


class Query:
    """Runs what a request asks for on a connection that already has the request's settings."""

    def __init__(self, server, connection, request, reply):
        self._server, self._engine, self._connection = server, server.engine, connection
        self._request, self._reply, self._parameters = request, reply, request.parameters
        self._progress = dict.fromkeys(("read_rows", "read_bytes", "written_rows", "written_bytes", "result_rows"), 0)
        self._began = time.monotonic()
        self._set_up_reply()

    def _set_up_reply(self):
        reply, given = self._reply, self._parameters
        reply.native = given.on("compress")
        reply.wait = given.on("wait_end_of_query") or self._engine.is_on("http_wait_end_of_query", given)
        if self._engine.is_on("enable_http_compression", given):
            reply.coding = codecs.choose(self._request.headers.get("Accept-Encoding"))
            reply.level = self._engine.number("http_zlib_compression_level", given)
        reply.summary = self._summary

    def run(self):
        """Reads the statement and runs it. The end of the reply is left to `finish`."""
        chunks = self._body()
        start = self._parameters.get("query", "").encode("utf-8", "surrogateescape")
        text, insert = _read_statement(start + b"\n" if start else b"", chunks)
        self._text = text
        self._server.faults.happen("before", text, self._reply)
        if insert:
            self._insert(insert, text[insert.data_at :], chunks)
        else:
            self._other(text)

    def finish(self):
        """Ends the reply, after which the client may at once come back with the same session or query id."""
        self._server.faults.happen("after", self._text, self._reply)
        if self._reply.ended:
            return
        if self._reply.cut_at is None:
            self._reply.finish()
        else:
            self._reply.fail_at_cut(self._engine.errors.text(ServerError(395, "A fault in the middle of the result")))

    def _body(self):
        if self._request.headers.get("Content-Type", "").startswith("multipart/form-data"):
            raise ServerError(NOT_IMPLEMENTED, "External tables are not implemented by this server")
        chunks = codecs.decode(self._request.headers.get("Content-Encoding"), self._request.body)
        return blocks.decode(chunks) if self._parameters.on("decompress") else chunks

    def _insert(self, insert, data, chunks):
        self._refuse_if_readonly(changes=True)
        self._connection.set({f"param_{name}": value for name, value in self._parameters.of_query.items()})
        rows_at_once = self._engine.number("max_insert_block_size", self._parameters.settings)
        with Insertion(self._connection, insert, self._engine.inputs, rows_at_once) as insertion:
            insertion.append(data)
            for chunk in chunks:
                insertion.append(chunk)
            result = insertion.finish()
        self._answers_to(None)
        rows, size = result.rows_written(), result.bytes_written()
        self._progress.update(read_rows=rows, read_bytes=size, written_rows=rows, written_bytes=size, result_rows=rows)
        self._server.counts.add(inserts=1, rows_inserted=rows)

    def _other(self, text):
        if not text.strip():
            raise ServerError(SYNTAX_ERROR, "Syntax error: failed at position 1 (end of query): Empty query")
        query = text.decode("utf-8", "surrogateescape")
        self._refuse_if_readonly(changes=self._connection.changes_data(query))
        default = self._parameters.default_format or "TabSeparated"
        output_format = result_format(text) or default
        self._answers_to(output_format)
        try:
            if not (formats.can_be_streamed(output_format) and self._stream(query, default, output_format)):
                self._run_whole(query, default)
        except ServerError as error:
            self._fail_in_format(error, output_format)

    def _refuse_if_readonly(self, changes):
        if changes and self._request.method != "POST":
            raise ServerError(
                READONLY,
                f"{self._request.user}: Cannot execute query in readonly mode. For queries over HTTP, "
                "method GET implies readonly. You should use method POST for modifying queries.",
            )

    def _answers_to(self, output_format):
        reply = self._reply
        reply.headers["X-ClickHouse-Query-Id"] = self._request.query_id
        reply.headers["X-ClickHouse-Timezone"] = self._engine.timezone
        if output_format:
            reply.headers["X-ClickHouse-Format"] = output_format
            reply.content_type = self._engine.content_types.get(output_format, reply.content_type)

    def _run_whole(self, query, default):
        result = self._connection.run(query, default, self._parameters.of_query)
        data = result.bytes() or b""
        if not data and self._connection.changes_data(query):
            self._reply.headers.pop("X-ClickHouse-Format", None)
            self._reply.content_type = "text/plain; charset=UTF-8"
        self._progress.update(written_rows=result.rows_written(), written_bytes=result.bytes_written())
        self._count_chunk(result)
        self._reply.write(data)

    def _stream(self, query, default, output_format):
        """Sends the result as it comes; False when the engine has to run the statement in one piece."""
        stream = self._connection.stream(query, default, self._parameters.of_query)
        if stream is None:
            return False
        first = True
        try:
            for chunk in stream:
                self._count_chunk(chunk)
                data = chunk.bytes()
                self._reply.write(data if first else formats.without_prefix(output_format, data))
                first = False
        finally:
            stream.cancel()
        # Without rows there are no chunks, but names and types have to be sent even then.
        return not first or formats.writes_nothing_without_rows(output_format)

    def _count_chunk(self, chunk):
        self._progress["read_rows"] += chunk.storage_rows_read()
        self._progress["read_bytes"] += chunk.storage_bytes_read()
        self._progress["result_rows"] += chunk.rows_read()

    def _fail_in_format(self, error, output_format):
        """With `http_write_exception_in_output_format` a query that fails while it runs still answers in JSON."""
        in_format = self._engine.is_on("http_write_exception_in_output_format", self._parameters)
        status = self._engine.errors.status(error)
        if not in_format or not output_format.startswith("JSON") or status != 500:
            raise error
        text = json.dumps({"exception": self._engine.errors.text(error).rstrip()}) + "\n"
        if self._reply.started:
            self._reply.write(text.encode())
        else:
            self._reply.fail(error.code, status, text)

    def _summary(self):
        values = {**self._progress, "total_rows_to_read": 0, "result_bytes": self._progress["written_bytes"]}
        order = "read_rows read_bytes written_rows written_bytes total_rows_to_read result_rows result_bytes".split()
        summary = {name: str(values[name]) for name in order}
        summary["elapsed_ns"] = str(int((time.monotonic() - self._began) * 1e9))
        summary["memory_usage"] = "0"
        return json.dumps(summary, separators=(",", ":"))


def _read_statement(text, chunks):
    """(bytes read so far, the INSERT in them or None). Of an INSERT's data no more is read than came along."""
    ended = False
    while (insert := find_insert(text, ended)) is MORE:
        piece = next(chunks, None)
        ended = piece is None
        text += piece or b""
    if insert is None:
        text = bytearray(text)
        for piece in chunks:
            text += piece
            if len(text) > LONGEST_STATEMENT:
                raise ServerError(SYNTAX_ERROR, "Syntax error: Max query size exceeded")
    return bytes(text), insert
