"""One query, from the statement in the request to the result in the reply."""

import json
import time

from . import blocks, codecs
from .errors import NOT_IMPLEMENTED, READONLY, SYNTAX_ERROR, ServerError
from .statement import MORE, find_insert, result_format

# A statement that is not an INSERT is read whole before it runs; the engine's own limit is far lower.
LONGEST_STATEMENT = 64 << 20
# Formats that write nothing at all when there are no rows.
_EMPTY_WHEN_EMPTY = frozenset("TabSeparated TSV TSVRaw TabSeparatedRaw CSV JSONEachRow JSONLines RowBinary Null".split())


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
        """Reads the statement, runs it and ends the reply."""
        chunks = self._body()
        start = self._parameters.get("query", "").encode("utf-8", "surrogateescape")
        text, insert = _read_statement(start + b"\n" if start else b"", chunks)
        self._text = text
        self._server.faults.happen("before", text, self._reply)
        if insert:
            self._insert(insert, text[insert.data_at :], chunks)
        else:
            self._other(text)
        self._server.faults.happen("after", text, self._reply)
        self._finish()

    def _body(self):
        if self._request.headers.get("Content-Type", "").startswith("multipart/form-data"):
            raise ServerError(NOT_IMPLEMENTED, "External tables are not implemented by this server")
        chunks = codecs.decode(self._request.headers.get("Content-Encoding"), self._request.body)
        return blocks.decode(chunks) if self._parameters.on("decompress") else chunks

    def _finish(self):
        if self._reply.cut_at is None:
            self._reply.finish()
        else:
            self._reply.fail_at_cut(self._engine.errors.text(ServerError(395, "A fault in the middle of the result")))

    def _insert(self, insert, data, chunks):
        self._refuse_if_readonly(changes=True)
        for name, value in self._parameters.of_query.items():
            self._connection.set(f"param_{name}", value)
        data_format = insert.format or self._parameters.default_format or "Values"
        with self._connection.insert(insert.text, data_format) as inserter:
            if data:
                inserter.append(data)
            for chunk in chunks:
                inserter.append(chunk)
            result = inserter.finish()
        self._answers_to(None)
        rows, size = result.rows_written, result.bytes_written
        self._progress.update(read_rows=rows, read_bytes=size, written_rows=rows, written_bytes=size, result_rows=rows)
        self._server.counts.add(inserts=1, rows_inserted=rows)

    def _other(self, text):
        if not text.strip():
            raise ServerError(SYNTAX_ERROR, "Syntax error: failed at position 1 (end of query): Empty query")
        query = text.decode("utf-8", "surrogateescape")
        self._refuse_if_readonly(changes=self._connection.changes_data(query))
        default = self._parameters.default_format or "TabSeparated"
        self._answers_to(result_format(text) or default)
        stream = self._connection.stream(query, default, self._parameters.of_query)
        if stream is None:
            self._run_whole(query, default)
        else:
            self._send_stream(stream, query, default)

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

    def _send_stream(self, stream, query, default):
        empty = True
        try:
            for chunk in stream:
                empty = False
                self._count_chunk(chunk)
                self._reply.write(chunk.bytes())
        except ServerError as error:
            self._fail_in_format(error)
        finally:
            stream.cancel()
        # A stream without rows has no chunks, but formats such as JSON have something to say even then.
        if empty and self._reply.headers.get("X-ClickHouse-Format") not in _EMPTY_WHEN_EMPTY:
            self._run_whole(query, default)

    def _count_chunk(self, chunk):
        self._progress["read_rows"] += chunk.storage_rows_read()
        self._progress["read_bytes"] += chunk.storage_bytes_read()
        self._progress["result_rows"] += chunk.rows_read()

    def _fail_in_format(self, error):
        """With `http_write_exception_in_output_format` a failed query still ends as a document of its format."""
        in_format = self._engine.is_on("http_write_exception_in_output_format", self._parameters)
        output_format = self._reply.headers["X-ClickHouse-Format"]
        if not in_format or not output_format.startswith("JSON") or self._engine.errors.status(error) != 500:
            raise error
        text = json.dumps(self._engine.errors.text(error).rstrip())
        reply = self._reply
        if reply.started and output_format in ("JSON", "JSONCompact"):
            rows = self._progress["result_rows"]
            reply.write(f'\n\t],\n\n\t"rows": {rows},\n\n\t"exception": {text}\n}}\n'.encode())
        elif reply.started:
            reply.write(f'{{"exception": {text}}}\n'.encode())
        else:
            reply.fail(error.code, 500, f'{{"exception": {text}}}\n')

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
