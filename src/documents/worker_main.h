#pragma once

namespace headgate::documents {

/// The body of `headgate worker`: serves the pool on `socket` until it closes. Returns the exit
/// code of the process.
int run_worker(int socket);

/// The body of `headgate worker --probe`: starts a worker of `executable`, lets its page process
/// try what the sandbox forbids and prints one line per attempt and mechanism. 0 if every attempt
/// was denied.
int run_worker_probe(const char* executable);

}  // namespace headgate::documents
