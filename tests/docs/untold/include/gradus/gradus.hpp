/// For the test of public_items.py: what has a docstring, what needs none, and five that lack one.
#pragma once

namespace gradus {

/// Has one.
template <class T, int N = (3 > 2)>
struct Told {
  int number = 0;
};

template <class T>
struct Told<T, 2> {};

struct Forward;

inline constexpr int constant = 3;

template <class T>
concept Untold = requires(T value) {
  { value.size() };
};

enum class UntoldEnum { one };

struct UntoldStruct {
  void member() const;
};

inline void UntoldStruct::member() const {}

template <class T>
using UntoldAlias = Told<T>;

/// Has one.
inline int told(int value = int{}) { return value; }
inline int told(double) { return 0; }

template <class T>
  requires(sizeof(T) > 1) && Untold<T>
auto untold_function(const T& value) {
  return value;
}

}  // namespace gradus
