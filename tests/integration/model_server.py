"""A scripted OpenAI-compatible model server: what it does is chosen by the model's name."""
import json
import socket
import socketserver
import threading


def tool_call(arguments='{"city":"K\u00f6ln"}'):
    return {"id": "call_1", "type": "function", "function": {"name": "weather", "arguments": arguments}}


class ModelServer:
    def __init__(self):
        self.requests = []  # (head text, body bytes)
        self.hung_up = threading.Event()
        outer = self

        class Handler(socketserver.StreamRequestHandler):
            def handle(self):
                self.connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                while outer.serve_one(self):
                    pass

        class Server(socketserver.ThreadingTCPServer):
            daemon_threads = True
            allow_reuse_address = True
            request_queue_size = 512

        self.server = Server(("127.0.0.1", 0), Handler)
        self.url = "http://127.0.0.1:%d" % self.server.server_address[1]
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def stop(self):
        self.server.shutdown()
        self.server.server_close()

    def serve_one(self, handler):
        head = b""
        while not head.endswith(b"\r\n\r\n"):
            line = handler.rfile.readline()
            if not line:
                return False
            head += line
        length = 0
        for line in head.decode().split("\r\n"):
            if line.lower().startswith("content-length:"):
                length = int(line.split(":")[1])
        body = handler.rfile.read(length)
        self.requests.append((head.decode(), body))
        request = json.loads(body)
        model = request["model"]
        if request.get("stream"):
            return self.stream(handler, request, model)
        if model.startswith("status-"):
            status = int(model.split("-")[1])
            extra = "Retry-After: 7\r\n" if status == 429 else ""
            return self.answer(handler, status, {"error": {"message": "vendor says no", "type": "x", "param": "temperature", "code": "bad_value"}}, extra)
        if model == "reset":
            handler.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
            return False
        if model == "html":
            page = b"<html>hello</html>"
            handler.wfile.write(b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: %d\r\n\r\n%s" % (len(page), page))
            return True
        if model == "no-json":
            handler.wfile.write(b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 7\r\n\r\n{\"a\": x")
            return True
        if model == "two-lengths":
            handler.wfile.write(b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\n{} ")
            return False
        if model == "silent":
            self.hung_up.clear()
            if handler.connection.recv(1) == b"":
                self.hung_up.set()
            return False
        if "input" in request:
            data = [{"object": "embedding", "index": 0, "embedding": [0.5, -1.0]}]
            if request.get("encoding_format") == "base64":
                data[0]["embedding"] = "AAAAPwAAgL8="
            return self.answer(handler, 200, {"object": "list", "data": data, "model": model, "usage": {"prompt_tokens": 3, "total_tokens": 3}})
        if model == "tools":
            return self.answer(handler, 200, {
                "id": "chatcmpl-1", "object": "chat.completion", "created": 1747000000, "model": model,
                "choices": [{"index": 0, "message": {"role": "assistant", "content": None, "tool_calls": [tool_call()]}, "logprobs": None, "finish_reason": "tool_calls"}]})
        return self.answer(handler, 200, {
            "id": "chatcmpl-1", "object": "chat.completion", "created": 1747000000, "model": model,
            "choices": [{"index": 0, "message": {"role": "assistant", "content": "Hello", "refusal": None}, "logprobs": None, "finish_reason": "stop"}],
            "usage": {"prompt_tokens": 9, "completion_tokens": 2, "total_tokens": 11}})

    @staticmethod
    def answer(handler, status, value, extra=""):
        body = json.dumps(value).encode()
        handler.wfile.write(("HTTP/1.1 %d X\r\nContent-Type: application/json\r\nContent-Length: %d\r\n%s\r\n" % (status, len(body), extra)).encode() + body)
        return True

    def stream(self, handler, request, model):
        def event(value):
            text = value if isinstance(value, str) else json.dumps(value, separators=(",", ":"))
            data = ("data: " + text + "\n\n").encode()
            handler.wfile.write(b"%x\r\n%s\r\n" % (len(data), data))

        def chunk(delta, finish=None):
            return {"id": "chatcmpl-1", "object": "chat.completion.chunk", "created": 1747000000, "model": model,
                    "choices": [{"index": 0, "delta": delta, "finish_reason": finish}],
                    **({"usage": None} if request.get("stream_options", {}).get("include_usage") else {})}

        try:
            handler.wfile.write(b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n")
            if model == "cut-at-once":
                return False
            if model == "tools":
                event(chunk({"role": "assistant", "content": None, "tool_calls": [{"index": 0, **tool_call(arguments="")}]}))
                for piece in ['{"city":', '"K\u00f6ln"}']:
                    event(chunk({"tool_calls": [{"index": 0, "function": {"arguments": piece}}]}))
                event(chunk({}, "tool_calls"))
                event("[DONE]")
                handler.wfile.write(b"0\r\n\r\n")
                return True
            event(chunk({"role": "assistant", "content": ""}))
            for word in ["Hel", "lo"]:
                event(chunk({"content": word}))
            if model == "cut":
                return False
            if model == "endless":
                self.hung_up.clear()
                while True:
                    event(chunk({"content": "x"}))
                    threading.Event().wait(0.005)
            if model == "pretty":
                event(json.dumps(chunk({"content": "\n!"}), indent=1).replace("\n", "\ndata: "))
            if model == "malformed":
                event('{"choices": [')
            if model == "error-event":
                event({"error": {"message": "vendor secret", "type": "server_error"}})
            event(chunk({}, "stop"))
            if request.get("stream_options", {}).get("include_usage"):
                event({"choices": [], "usage": {"prompt_tokens": 9, "completion_tokens": 2, "total_tokens": 11}})
            if model != "no-done":
                event("[DONE]")
            handler.wfile.write(b"0\r\n\r\n")
            return True
        except OSError:
            self.hung_up.set()
            return False
