#pragma once

#include <array>
#include <filesystem>
#include <memory>
#include <stdexcept>
#include <string>

#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <unistd.h>

#include "testing/raw_server.h"

namespace headgate::testing {

/// A certificate authority made on the spot, its file, and one certificate for some names.
class TestAuthority final {
 public:
  /// `names` as in subjectAltName, e.g. "DNS:models.test,IP:127.0.0.1".
  explicit TestAuthority(const std::string& names) {
    authority_ = make("Test authority", nullptr, nullptr, "");
    leaf_ = make("Test server", &authority_, &authority_, names);
    std::array<char, 32> name = {"/tmp/test-authority-XXXXXX"};
    const int fd = ::mkstemp(name.data());
    FILE* const out = fd < 0 ? nullptr : ::fdopen(fd, "w");
    if (out == nullptr || PEM_write_X509(out, authority_.certificate.get()) != 1) {
      throw std::runtime_error("cannot write the test authority");
    }
    std::fclose(out);
    file_ = name.data();
    context_.reset(SSL_CTX_new(TLS_server_method()));
    SSL_CTX_use_certificate(context_.get(), leaf_.certificate.get());
    SSL_CTX_use_PrivateKey(context_.get(), leaf_.key.get());
  }
  TestAuthority(const TestAuthority&) = delete;
  TestAuthority& operator=(const TestAuthority&) = delete;
  ~TestAuthority() { std::filesystem::remove(file_); }

  const std::string& file() const { return file_; }
  SSL_CTX* server_context() { return context_.get(); }

 private:
  struct Free {
    void operator()(X509* x) const { X509_free(x); }
    void operator()(EVP_PKEY* x) const { EVP_PKEY_free(x); }
    void operator()(SSL_CTX* x) const { SSL_CTX_free(x); }
  };
  struct Identity {
    std::unique_ptr<X509, Free> certificate;
    std::unique_ptr<EVP_PKEY, Free> key;
  };

  static Identity make(const char* name, const Identity* issuer, const Identity* signer,
                       const std::string& names) {
    Identity identity;
    identity.key.reset(EVP_EC_gen("P-256"));
    identity.certificate.reset(X509_new());
    X509* const certificate = identity.certificate.get();
    X509_set_version(certificate, 2);
    ASN1_INTEGER_set(X509_get_serialNumber(certificate), issuer == nullptr ? 1 : 2);
    X509_gmtime_adj(X509_getm_notBefore(certificate), -3600);
    X509_gmtime_adj(X509_getm_notAfter(certificate), 3600);
    X509_set_pubkey(certificate, identity.key.get());
    X509_NAME_add_entry_by_txt(X509_get_subject_name(certificate), "CN", MBSTRING_ASC,
                               reinterpret_cast<const unsigned char*>(name), -1, -1, 0);
    const X509* const parent = issuer == nullptr ? certificate : issuer->certificate.get();
    X509_set_issuer_name(certificate, X509_get_subject_name(parent));
    add(certificate, NID_basic_constraints, issuer == nullptr ? "critical,CA:TRUE" : "CA:FALSE");
    if (!names.empty()) {
      add(certificate, NID_subject_alt_name, names);
    }
    X509_sign(certificate, signer == nullptr ? identity.key.get() : signer->key.get(),
              EVP_sha256());
    return identity;
  }

  static void add(X509* certificate, int kind, const std::string& value) {
    X509_EXTENSION* const extension = X509V3_EXT_conf_nid(nullptr, nullptr, kind, value.c_str());
    X509_add_ext(certificate, extension, -1);
    X509_EXTENSION_free(extension);
  }

  Identity authority_;
  Identity leaf_;
  std::string file_;
  std::unique_ptr<SSL_CTX, Free> context_;
};

/// TLS on a RawPeer, the server's side, blocking.
class TlsPeer final {
 public:
  TlsPeer(TestAuthority& authority, RawPeer& peer) : ssl_(SSL_new(authority.server_context())) {
    SSL_set_fd(ssl_, peer.fd());
    accepted_ = SSL_accept(ssl_) == 1;
  }
  TlsPeer(const TlsPeer&) = delete;
  TlsPeer& operator=(const TlsPeer&) = delete;
  ~TlsPeer() { SSL_free(ssl_); }

  bool accepted() const { return accepted_; }
  std::string server_name() const {
    const char* const name = SSL_get_servername(ssl_, TLSEXT_NAMETYPE_host_name);
    return name == nullptr ? "" : name;
  }
  std::string read_head() {
    std::string head;
    char c = 0;
    while (accepted_ && !head.ends_with("\r\n\r\n") && SSL_read(ssl_, &c, 1) == 1) {
      head.push_back(c);
    }
    return head;
  }
  std::string read_exactly(std::size_t size) {
    std::string bytes(size, '\0');
    std::size_t have = 0;
    std::size_t got = 0;
    while (have < size && SSL_read_ex(ssl_, bytes.data() + have, size - have, &got) == 1) {
      have += got;
    }
    bytes.resize(have);
    return bytes;
  }
  void send(std::string_view bytes) {
    std::size_t sent = 0;
    SSL_write_ex(ssl_, bytes.data(), bytes.size(), &sent);
  }
  /// Sends close_notify.
  void end() { SSL_shutdown(ssl_); }

 private:
  SSL* ssl_;
  bool accepted_ = false;
};

}  // namespace headgate::testing
