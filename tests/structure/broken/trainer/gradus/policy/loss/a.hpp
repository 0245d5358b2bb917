#pragma once

template <class M>
class Trainer;
