/* SPDX-License-Identifier: GPL-2.0-only OR Apache-2.0 */
/*
 * What an event list (.def) is expanded with. Define TT_EVENT(n, name, doc,
 * type, field, unit, ...), include the list, undefine it. The TT_*n macros
 * turn the n (type, field, "unit") triples into something useful.
 */
#ifndef TIMETRACE_EVENT_LIST_H
#define TIMETRACE_EVENT_LIST_H

#define TT_EVENT1(...) TT_EVENT(1, __VA_ARGS__)
#define TT_EVENT2(...) TT_EVENT(2, __VA_ARGS__)
#define TT_EVENT3(...) TT_EVENT(3, __VA_ARGS__)
#define TT_EVENT4(...) TT_EVENT(4, __VA_ARGS__)
#define TT_EVENT5(...) TT_EVENT(5, __VA_ARGS__)
#define TT_EVENT6(...) TT_EVENT(6, __VA_ARGS__)
#define TT_EVENT7(...) TT_EVENT(7, __VA_ARGS__)
#define TT_EVENT8(...) TT_EVENT(8, __VA_ARGS__)

/* Applies M(type, field, unit) to each triple, separated by S(). */
#define TT_EACH1(M, S, t, f, u) M(t, f, u)
#define TT_EACH2(M, S, t, f, u, ...) M(t, f, u) S() TT_EACH1(M, S, __VA_ARGS__)
#define TT_EACH3(M, S, t, f, u, ...) M(t, f, u) S() TT_EACH2(M, S, __VA_ARGS__)
#define TT_EACH4(M, S, t, f, u, ...) M(t, f, u) S() TT_EACH3(M, S, __VA_ARGS__)
#define TT_EACH5(M, S, t, f, u, ...) M(t, f, u) S() TT_EACH4(M, S, __VA_ARGS__)
#define TT_EACH6(M, S, t, f, u, ...) M(t, f, u) S() TT_EACH5(M, S, __VA_ARGS__)
#define TT_EACH7(M, S, t, f, u, ...) M(t, f, u) S() TT_EACH6(M, S, __VA_ARGS__)
#define TT_EACH8(M, S, t, f, u, ...) M(t, f, u) S() TT_EACH7(M, S, __VA_ARGS__)
#define TT_EACH9(M, S, t, f, u, ...) M(t, f, u) S() TT_EACH8(M, S, __VA_ARGS__)
#define TT_EACH10(M, S, t, f, u, ...) M(t, f, u) S() TT_EACH9(M, S, __VA_ARGS__)
#define TT_EACH11(M, S, t, f, u, ...) M(t, f, u) S() TT_EACH10(M, S, __VA_ARGS__)
#define TT_EACH12(M, S, t, f, u, ...) M(t, f, u) S() TT_EACH11(M, S, __VA_ARGS__)
#define TT_EACH13(M, S, t, f, u, ...) M(t, f, u) S() TT_EACH12(M, S, __VA_ARGS__)
#define TT_EACH14(M, S, t, f, u, ...) M(t, f, u) S() TT_EACH13(M, S, __VA_ARGS__)
#define TT_EACH15(M, S, t, f, u, ...) M(t, f, u) S() TT_EACH14(M, S, __VA_ARGS__)
#define TT_EACH16(M, S, t, f, u, ...) M(t, f, u) S() TT_EACH15(M, S, __VA_ARGS__)
#define TT_EACH17(M, S, t, f, u, ...) M(t, f, u) S() TT_EACH16(M, S, __VA_ARGS__)
#define TT_EACH18(M, S, t, f, u, ...) M(t, f, u) S() TT_EACH17(M, S, __VA_ARGS__)
#define TT_EACH19(M, S, t, f, u, ...) M(t, f, u) S() TT_EACH18(M, S, __VA_ARGS__)
#define TT_EACH20(M, S, t, f, u, ...) M(t, f, u) S() TT_EACH19(M, S, __VA_ARGS__)
#define TT_EACH21(M, S, t, f, u, ...) M(t, f, u) S() TT_EACH20(M, S, __VA_ARGS__)
#define TT_EACH22(M, S, t, f, u, ...) M(t, f, u) S() TT_EACH21(M, S, __VA_ARGS__)
#define TT_EACH23(M, S, t, f, u, ...) M(t, f, u) S() TT_EACH22(M, S, __VA_ARGS__)
#define TT_EACH24(M, S, t, f, u, ...) M(t, f, u) S() TT_EACH23(M, S, __VA_ARGS__)

#define TT_SEP_COMMA() ,
#define TT_SEP_PLUS() +
#define TT_SEP_NONE()

#define TT_PARAM(t, f, u) t f
#define TT_NAME(t, f, u) f
#define TT_SIZE(t, f, u) sizeof(t)
#define TT_MEMBER(t, f, u) t f;
#define TT_DESC(t, f, u) { #f, u, TT_TYPE_##t }

/*
 * "u64 rpc_id, u32 length", "rpc_id, length", "u64 rpc_id; u32 length;", bytes
 * of all fields, their descriptions.
 */
#define TT_PARAMS(n, ...) TT_EACH##n(TT_PARAM, TT_SEP_COMMA, __VA_ARGS__)
#define TT_NAMES(n, ...) TT_EACH##n(TT_NAME, TT_SEP_COMMA, __VA_ARGS__)
#define TT_MEMBERS(n, ...) TT_EACH##n(TT_MEMBER, TT_SEP_NONE, __VA_ARGS__)
#define TT_SIZES(n, ...) (TT_EACH##n(TT_SIZE, TT_SEP_PLUS, __VA_ARGS__))
#define TT_DESCS(n, ...) TT_EACH##n(TT_DESC, TT_SEP_COMMA, __VA_ARGS__)

#endif /* TIMETRACE_EVENT_LIST_H */
