#include "catch.hpp"
#include <gradus/observe/text.hpp>

#include <cmath>
#include <limits>

namespace observe = gradus::observe;

CATCH_TEST_CASE("numbers are written alike everywhere, whatever the locale", "[observe]") {
  CATCH_CHECK(observe::fixed(3.14159, 2) == "3.14");
  CATCH_CHECK(observe::fixed(-0.001, 2) == "0.00");
  CATCH_CHECK(observe::fixed(std::nan(""), 2) == "nan");
  CATCH_CHECK(observe::fixed(-std::numeric_limits<double>::infinity(), 2) == "-inf");
  CATCH_CHECK(observe::fixed(1e300, 0).size() == 301);
  CATCH_CHECK(observe::shortest(0.1) == "0.1");
  CATCH_CHECK(observe::grouped(0) == "0");
  CATCH_CHECK(observe::grouped(999) == "999");
  CATCH_CHECK(observe::grouped(4'903'242) == "4,903,242");
  CATCH_CHECK(observe::grouped(-1'000) == "-1,000");
  CATCH_CHECK(observe::rate(12.34) == "12.3");
  CATCH_CHECK(observe::rate(12345.6) == "12,346");
  CATCH_CHECK(observe::percent(0.7342, 2) == "73.42%");
  CATCH_CHECK(observe::metric_text(1.20441) == "1.2044");
  CATCH_CHECK(observe::metric_text(0) == "0.0000");
  CATCH_CHECK(observe::metric_text(-0.5, 3) == "-0.500");
  CATCH_CHECK(observe::metric_text(2.123e-5) == "2.12e-05");
  CATCH_CHECK(observe::metric_text(1.5e20) == "1.5e+20");
  CATCH_CHECK(observe::metric_text(std::nan("")) == "nan");
}

CATCH_TEST_CASE("lengths of time are written in the units a person would use", "[observe]") {
  CATCH_CHECK(observe::duration(0.4) == "0.40 s");
  CATCH_CHECK(observe::duration(4.24) == "4.2 s");
  CATCH_CHECK(observe::duration(9.96) == "10 s");
  CATCH_CHECK(observe::duration(99.4) == "99 s");
  CATCH_CHECK(observe::duration(344) == "5 min 44 s");
  CATCH_CHECK(observe::duration(3599.6) == "1 h 00 min");
  CATCH_CHECK(observe::duration(3900) == "1 h 05 min");
  CATCH_CHECK(observe::clock_time(41) == "0:41");
  CATCH_CHECK(observe::clock_time(725) == "12:05");
  CATCH_CHECK(observe::clock_time(3725) == "1:02:05");
  CATCH_CHECK(observe::clock_time(-3) == "0:00");
  CATCH_CHECK(observe::clock_time(std::nan("")) == "?");
}

CATCH_TEST_CASE("printable text moves no cursor and keeps letters beyond ASCII", "[observe]") {
  CATCH_CHECK(observe::printable("a\x1b[31mb\r\nc\x7f") == "a [31mb  c ");
  CATCH_CHECK(observe::printable("\xc2\x9b\x31mé") == " 1mé");
  CATCH_CHECK(observe::columns("é–×") == 3);
  CATCH_CHECK(observe::clip("é–×", 2) == "é–");
  CATCH_CHECK(observe::clip("ab", 5) == "ab");
}
