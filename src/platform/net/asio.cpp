// The one place where Asio's separately compiled part is compiled.
#include <boost/asio/impl/src.hpp>
