// The coroutine type of everything that waits. Includes nothing of Asio but this.
#pragma once

#include <boost/asio/awaitable.hpp>

namespace valija {

template <class T>
using Task = boost::asio::awaitable<T>;

}  // namespace valija
