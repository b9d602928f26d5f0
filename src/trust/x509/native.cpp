#include "trust/x509/native.hpp"

#include <openssl/bn.h>

#include <ctime>

#include "trust/x509/internal/general_names.hpp"

namespace valija::x509 {

std::string native_error() {
    const unsigned long code = ERR_peek_last_error();
    ERR_clear_error();
    if (code == 0) {
        return "unknown reason";
    }
    const char* reason = ERR_reason_error_string(code);
    return reason == nullptr ? "error " + std::to_string(code) : reason;
}

std::unexpected<Fault> native_fault(FaultKind kind, std::string doing) {
    return fault(kind, std::move(doing), native_error());
}

int no_passphrase(char* /*buffer*/, int /*size*/, int /*writing*/, void* /*data*/) { return -1; }

Result<Time> native_time(const ASN1_TIME* time) {
    // RFC 5280 4.1.2.5: with seconds and "Z", and nothing else; OpenSSL reads more.
    const std::string text = native_text(time);
    const bool is_short = time != nullptr && ASN1_STRING_type(time) == V_ASN1_UTCTIME;
    const bool is_plain = text.size() == (is_short ? 13U : 15U) && text.ends_with('Z') &&
                          text.find_first_not_of("0123456789") == text.size() - 1;
    std::tm parts{};
    if (!is_plain || ASN1_TIME_to_tm(time, &parts) != 1) {
        ERR_clear_error();
        return fault(FaultKind::Input, "reading a date", "it is not a valid ASN.1 time");
    }
    return Time(std::chrono::seconds(timegm(&parts)));
}

std::string native_text(const ASN1_STRING* text) {
    if (text == nullptr) {
        return {};
    }
    const unsigned char* bytes = ASN1_STRING_get0_data(text);
    const int length = ASN1_STRING_length(text);
    return {reinterpret_cast<const char*>(bytes), static_cast<size_t>(length)};
}

std::string native_integer(const ASN1_INTEGER* value) {
    if (value == nullptr) {
        return {};
    }
    // The magnitude's bytes as stored are big endian; leading zeros do not count.
    std::string bytes = native_text(value);
    const size_t first = bytes.find_first_not_of('\0');
    return first == std::string::npos ? std::string() : bytes.substr(first);
}

std::string canonical_name(const X509_NAME* name) {
    return internal::canonical_name(internal::directory_name(name));
}

}  // namespace valija::x509
