%% The workloads with Erlang/OTP: actors are gen_servers, tell is cast, ask is call with a deadline.
%% Compiled with DEADLINE, ROUND and WARM_UP, in milliseconds, and BURST: how many messages the producers of one actor send in all
%% before they yield, so that its queue stays short; 0 when they never do so by themselves.
%%
%% Arguments: workload, size (callers, actors or bytes), count (0 for as many as fill a round), quick or full. Prints
%% "ready" when warm, then for each line "run" that it reads one line of JSON with what a round gave.
-module(bench).
-behaviour(gen_server).

-export([main/0]).
-export([init/1, handle_call/3, handle_cast/2, handle_info/2]).
-export([start_restarting/1]).


%% --- The actor --------------------------------------------------------------------------------------------------------

%% It tells the driver when it has handled `expected` messages, with their sum and the time.
-record(state, {driver, expected, count = 0, sum = 0, next, last, waiter}).

init({supervisor, Name}) ->
    Child = #{id => Name, start => {?MODULE, start_restarting, [Name]}, restart => permanent},
    {ok, {#{strategy => one_for_one, intensity => 1000000, period => 1}, [Child]}};
init(State) -> {ok, State}.

handle_cast({add, N}, State) -> {noreply, add(N, State)};
handle_cast({store, N, Bytes}, State) ->
    case Bytes of
        <<First, _/binary>> when First =:= N rem 256 -> {noreply, add(N, State)}
    end;
handle_cast({pass, N}, State) ->
    Next = N + 1,
    case Next =:= State#state.last of
        true -> State#state.driver ! {passed, Next};
        false -> gen_server:cast(element((Next rem tuple_size(State#state.next)) + 1, State#state.next), {pass, Next})
    end,
    {noreply, State};
handle_cast({ring, Next, Last}, State) -> {noreply, State#state{next = Next, last = Last}};
handle_cast(wait, State) ->
    receive open -> {noreply, State} end;
handle_cast(crash, _) -> exit(crash).

handle_call({add, N}, _, State) -> {reply, N + 1, add(N, State)};
%% Waits as for a socket: for a message from another process.
handle_call({wait, N}, _, State) ->
    State#state.waiter ! {self(), N},
    receive {echo, N} -> {reply, N + 1, add(N, State)} end;
handle_call(count, _, State) -> {reply, State#state.count, State};
handle_call(sum, _, State) -> {reply, {State#state.count, State#state.sum}, State}.

handle_info(_, State) -> {noreply, State}.

add(N, State = #state{count = Count, sum = Sum, expected = Expected}) ->
    case Count + 1 of
        Expected -> State#state.driver ! {done, Sum + N, erlang:monotonic_time()};
        _ -> ok
    end,
    State#state{count = Count + 1, sum = Sum + N}.

start(Expected) ->
    {ok, Actor} = gen_server:start(?MODULE, #state{driver = self(), expected = Expected}, []),
    Actor.

start_restarting(Name) ->
    gen_server:start_link({local, Name}, ?MODULE, #state{}, []).

%% --- The driver -------------------------------------------------------------------------------------------------------

main() ->
    [Name, Size, Count, Mode] = init:get_plain_arguments(),
    Driver = spawn(fun() ->
        drive(list_to_atom(Name), list_to_integer(Size), list_to_integer(Count), Mode)
    end),
    Monitor = monitor(process, Driver),
    receive
        {'DOWN', Monitor, process, Driver, normal} -> halt(0);
        {'DOWN', Monitor, process, Driver, Reason} ->
            io:format(standard_error, "~p~n", [Reason]),
            halt(1)
    end.

drive(Name, Size, Fixed, "quick") ->
    io:format("ready~n"),
    serve(fun() -> round(Name, Size, Fixed) end);
drive(Name, Size, Fixed, "full") ->
    Count = warm_up(Name, Size, Fixed),
    io:format("ready~n"),
    serve(fun() -> round(Name, Size, Count) end).

serve(Round) ->
    case io:get_line("") of
        "run\n" ->
            io:format("{~s}~n", [lists:join(",", [io_lib:format("\"~s\":~p", [Key, Value]) || {Key, Value} <- Round()])]),
            serve(Round);
        eof -> ok
    end.

warm_up(Name, Size, 0) -> warm_up(Name, Size, 2000, 3, now_micros() + ?WARM_UP * 1000);
warm_up(Name, Size, Fixed) ->
    round(Name, Size, Fixed div 4),
    Fixed.

warm_up(Name, Size, Count, Rounds, Until) ->
    [{rate, Rate} | _] = round(Name, Size, Count),
    Next = ceil(Rate * ?ROUND / 1000),
    case Rounds > 1 orelse now_micros() < Until of
        true -> warm_up(Name, Size, Next, Rounds - 1, Until);
        false -> Next
    end.

now_micros() -> erlang:monotonic_time(microsecond).

rate(Count, Begun, Ended) ->
    Count * 1000000000 / erlang:convert_time_unit(max(1, Ended - Begun), native, nanosecond).

sum_of(Count) -> Count * (Count - 1) div 2.

%% Every round runs in a process of its own, whose end frees its heap.
round(Name, Size, Count) ->
    Self = self(),
    {Pid, Monitor} = spawn_monitor(fun() -> Self ! {result, self(), workload(Name, Size, Count)} end),
    receive
        {result, Pid, Result} ->
            receive {'DOWN', Monitor, process, Pid, _} -> ok end,
            Result;
        {'DOWN', Monitor, process, Pid, Reason} -> exit(Reason)
    end.

%% --- Workloads --------------------------------------------------------------------------------------------------------

workload(tell, _, Count) ->
    timed(Count, fun(Actor) -> tell(Actor, 0, Count, ?BURST) end);
workload('tell-unsafe', _, Count) -> workload(tell, 0, Count);
workload(ask, _, Count) ->
    timed(Count, fun(Actor) -> ask(Actor, 0, Count) end);
workload('ask-promise', _, Count) -> workload(ask, 0, Count);
workload('ask-concurrent', Callers, Count) ->
    timed(Count, fun(Actor) -> concurrently(Callers, Count, fun(From, To, _) -> ask(Actor, From, To) end) end);
workload('fan-in', Producers, Count) ->
    Burst = (?BURST + Producers - 1) div Producers,
    timed(Count, fun(Actor) -> concurrently(Producers, Count, fun(From, To, _) -> tell(Actor, From, To, Burst) end) end);
workload('fan-out', Actors, Count) ->
    All = list_to_tuple([start(share(Actors, Count, N)) || N <- lists:seq(0, Actors - 1)]),
    Begun = erlang:monotonic_time(),
    tell_in_turn(All, Actors, 0, Count),
    Ended = await_all(min(Actors, Count), Count),
    stop(All),
    [{rate, rate(Count, Begun, Ended)}];
workload(ring, Actors, Count) ->
    All = list_to_tuple([start(0) || _ <- lists:seq(1, Actors)]),
    [gen_server:cast(Actor, {ring, All, Count}) || Actor <- tuple_to_list(All)],
    [gen_server:call(Actor, count) || Actor <- tuple_to_list(All)],
    Begun = erlang:monotonic_time(),
    gen_server:cast(element(1, All), {pass, 0}),
    receive {passed, Count} -> ok end,
    Ended = erlang:monotonic_time(),
    stop(All),
    [{rate, rate(Count, Begun, Ended)}];
workload(suspend, Actors, Count) ->
    Echo = spawn_link(fun echo/0),
    All = list_to_tuple([
        element(2, gen_server:start(?MODULE, #state{driver = self(), expected = 0, waiter = Echo}, []))
     || _ <- lists:seq(1, Actors)
    ]),
    Begun = erlang:monotonic_time(),
    concurrently(Actors, Count, fun(From, To, Caller) -> ask_waiting(element(Caller + 1, All), From, To) end),
    Ended = erlang:monotonic_time(),
    Books = [gen_server:call(Actor, sum) || Actor <- tuple_to_list(All)],
    Expected = sum_of(Count),
    {Count, Expected} = lists:foldl(fun({C, S}, {Cs, Ss}) -> {C + Cs, S + Ss} end, {0, 0}, Books),
    stop(All),
    [{rate, rate(Count, Begun, Ended)}];
workload(spawn, _, Count) ->
    {Heap, Rss} = memory(),
    Begun = erlang:monotonic_time(),
    All = list_to_tuple([start(1) || _ <- lists:seq(1, Count)]),
    Ended = erlang:monotonic_time(),
    {IdleHeap, IdleRss} = memory(),
    tell_in_turn(All, Count, 0, Count),
    await_all(Count, Count),
    {UsedHeap, UsedRss} = memory(),
    stop(All),
    [
        {rate, rate(Count, Begun, Ended)},
        {idleHeap, max(0, (IdleHeap - Heap) / Count)},
        {usedHeap, max(0, (UsedHeap - Heap) / Count)},
        {idleRss, max(0, (IdleRss - Rss) / Count)},
        {usedRss, max(0, (UsedRss - Rss) / Count)}
    ];
%% A table of actors by id, as there is none in OTP: an id that is not in it is given an actor by its first asker.
workload(keyed, _, Count) ->
    Table = ets:new(actors, [public, {read_concurrency, true}]),
    Begun = erlang:monotonic_time(),
    concurrently(64, Count, fun(From, To, _) -> ask_by_id(Table, Count, From, To) end),
    Between = erlang:monotonic_time(),
    concurrently(64, Count, fun(From, To, _) -> ask_by_id(Table, Count, From, To) end),
    Ended = erlang:monotonic_time(),
    Count = ets:info(Table, size),
    stop(list_to_tuple([Actor || {_, Actor} <- ets:tab2list(Table)])),
    [{rate, rate(Count, Begun, Between)}, {again, rate(Count, Between, Ended)}];
workload(crash, _, Count) ->
    %% A supervisor for each, as each has its own restart intensity with the others, too.
    Names = list_to_tuple([list_to_atom("actor" ++ integer_to_list(N)) || N <- lists:seq(0, 99)]),
    Supervisors = [element(2, supervisor:start_link(?MODULE, {supervisor, Name})) || Name <- tuple_to_list(Names)],
    Begun = erlang:monotonic_time(),
    concurrently(100, Count, fun(From, To, Caller) -> crash_and_ask(element(Caller + 1, Names), From, To) end),
    Ended = erlang:monotonic_time(),
    [unlink(Supervisor) || Supervisor <- Supervisors],
    stop(list_to_tuple(Supervisors ++ [whereis(Name) || Name <- tuple_to_list(Names)])),
    [{rate, rate(Count, Begun, Ended)}];
workload(drain, _, Count) ->
    Actor = start(Count),
    gen_server:cast(Actor, wait),
    tell(Actor, 0, Count),
    Begun = erlang:monotonic_time(),
    Actor ! open,
    %% It stops when it has handled what came before.
    gen_server:stop(Actor),
    Ended = erlang:monotonic_time(),
    await_all(1, Count),
    [{rate, rate(Count, Begun, Ended)}];
workload(latency, _, Count) ->
    Actor = start(Count),
    Self = self(),
    Interval = erlang:convert_time_unit(100, microsecond, native),
    Begun = erlang:monotonic_time(),
    send_on_time(Actor, Self, Begun, Interval, 0, Count),
    Settled = [receive {settled, Answered, Time} -> {Answered, Time} end || _ <- lists:seq(1, Count)],
    await_all(1, Count),
    stop({Actor}),
    Nanos = lists:sort([Time || {_, Time} <- Settled]),
    At = fun(Share) -> lists:nth(max(1, ceil(Count * Share)), Nanos) / 1000 end,
    Unanswered = length([no || {no, _} <- Settled]),
    [{p50, At(0.5)}, {p99, At(0.99)}, {p999, At(0.999)}, {unanswered, Unanswered}];
workload(payload, Size, Count) ->
    timed(Count, fun(Actor) -> store(Actor, Size, 0, Count) end);
workload(scale, Size, Count) ->
    %% The size says which of the two rows it is.
    Least = element(Size + 1, {20000, 5000}),
    [scale(Size, N, max(1, ceil(Least / N))) || N <- [1, 10, 100, 1000, 10000, 100000, 1000000], N =< Count].

scale(Row, Size, Times) ->
    Key = "at " ++ integer_to_list(Size),
    {Key, lists:sum([scale_once(Row, Size) || _ <- lists:seq(1, Times)]) / (Times * Size)}.

%% Nanoseconds for one message each to as many actors, with starting them, or for as many messages to one actor.
scale_once(1, Size) ->
    Begun = erlang:monotonic_time(),
    All = list_to_tuple([start(1) || _ <- lists:seq(1, Size)]),
    tell_in_turn(All, Size, 0, Size),
    Ended = await_all(Size, Size),
    stop(All),
    erlang:convert_time_unit(Ended - Begun, native, nanosecond);
scale_once(0, Size) ->
    Actor = start(Size),
    Begun = erlang:monotonic_time(),
    tell(Actor, 0, Size),
    Ended = await_all(1, Size),
    stop({Actor}),
    erlang:convert_time_unit(Ended - Begun, native, nanosecond).

%% --- What they share --------------------------------------------------------------------------------------------------

timed(Count, Send) ->
    Actor = start(Count),
    Begun = erlang:monotonic_time(),
    Send(Actor),
    Ended = await_all(1, Count),
    stop({Actor}),
    [{rate, rate(Count, Begun, Ended)}].

%% Waits until so many actors have handled all of theirs, checks the sum, and gives when the last one had and all was sent.
await_all(Actors, Count) -> await_all(Actors, sum_of(Count), erlang:monotonic_time()).

await_all(0, 0, Last) -> Last;
await_all(Actors, Left, Last) ->
    receive {done, Sum, At} -> await_all(Actors - 1, Left - Sum, max(Last, At))
    after 30000 -> exit({not_handled, Actors, Left})
    end.

stop(All) ->
    Monitors = [
        begin
            Monitor = monitor(process, Actor),
            exit(Actor, kill),
            Monitor
        end
     || Actor <- tuple_to_list(All)
    ],
    [receive {'DOWN', Monitor, process, _, _} -> ok end || Monitor <- Monitors],
    ok.

share(Actors, Count, N) -> Count div Actors + (case N < Count rem Actors of true -> 1; false -> 0 end).

tell(Actor, N, To) -> tell(Actor, N, To, 0).

tell(_, To, To, _) -> ok;
tell(Actor, N, To, Burst) when Burst =/= 0, N rem Burst =:= Burst - 1 ->
    gen_server:cast(Actor, {add, N}),
    erlang:yield(),
    tell(Actor, N + 1, To, Burst);
tell(Actor, N, To, Burst) ->
    gen_server:cast(Actor, {add, N}),
    tell(Actor, N + 1, To, Burst).

tell_in_turn(_, _, To, To) -> ok;
tell_in_turn(All, Actors, N, To) ->
    gen_server:cast(element(N rem Actors + 1, All), {add, N}),
    tell_in_turn(All, Actors, N + 1, To).

store(_, _, To, To) -> ok;
store(Actor, Size, N, To) ->
    gen_server:cast(Actor, {store, N, <<(N rem 256), 0:((Size - 1) * 8)>>}),
    store(Actor, Size, N + 1, To).

ask(_, To, To) -> ok;
ask(Actor, N, To) ->
    Reply = N + 1,
    Reply = gen_server:call(Actor, {add, N}, ?DEADLINE),
    ask(Actor, Reply, To).

ask_waiting(_, To, To) -> ok;
ask_waiting(Actor, N, To) ->
    Reply = N + 1,
    Reply = gen_server:call(Actor, {wait, N}, ?DEADLINE),
    ask_waiting(Actor, Reply, To).

ask_by_id(_, _, To, To) -> ok;
ask_by_id(Table, Ids, N, To) ->
    Id = <<"id-", (integer_to_binary(N rem Ids))/binary>>,
    Actor =
        case ets:lookup(Table, Id) of
            [{_, Known}] -> Known;
            [] ->
                New = start(0),
                true = ets:insert_new(Table, {Id, New}),
                New
        end,
    Reply = N + 1,
    Reply = gen_server:call(Actor, {add, N}, ?DEADLINE),
    ask_by_id(Table, Ids, Reply, To).

crash_and_ask(_, To, To) -> ok;
crash_and_ask(Name, N, To) ->
    Old = whereis(Name),
    gen_server:cast(Old, crash),
    New = restarted(Name, Old),
    Reply = N + 1,
    Reply = gen_server:call(New, {add, N}, ?DEADLINE),
    1 = gen_server:call(New, count, ?DEADLINE),
    crash_and_ask(Name, Reply, To).

%% There is no queue that outlasts a restart: the asker has to wait for the new process.
restarted(Name, Old) ->
    case whereis(Name) of
        New when is_pid(New), New =/= Old -> New;
        _ ->
            erlang:yield(),
            restarted(Name, Old)
    end.

echo() ->
    receive {From, N} -> From ! {echo, N} end,
    echo().

%% So many processes at once, each with a share of [0, Count).
concurrently(Senders, Count, Send) ->
    Monitors = [
        element(2, spawn_monitor(fun() -> Send(Count * N div Senders, Count * (N + 1) div Senders, N) end))
     || N <- lists:seq(0, Senders - 1)
    ],
    [receive {'DOWN', Monitor, process, _, normal} -> ok end || Monitor <- Monitors],
    ok.

%% A process for each ask, as they do not wait for each other; it counts from when it was to be sent.
send_on_time(_, _, _, _, Count, Count) -> ok;
send_on_time(Actor, Self, Begun, Interval, N, Count) ->
    Due = Begun + N * Interval,
    case erlang:monotonic_time() >= Due of
        true ->
            spawn_link(fun() ->
                Answered =
                    try gen_server:call(Actor, {add, N}, ?DEADLINE) of
                        Reply when Reply =:= N + 1 -> yes
                    catch
                        exit:{timeout, _} -> no
                    end,
                Took = erlang:monotonic_time() - Due,
                Self ! {settled, Answered, erlang:convert_time_unit(Took, native, nanosecond)}
            end),
            send_on_time(Actor, Self, Begun, Interval, N + 1, Count);
        false ->
            erlang:yield(),
            send_on_time(Actor, Self, Begun, Interval, N, Count)
    end.

%% What processes take by the emulator's own count, and what the system counts.
memory() ->
    {ok, Statm} = file:read_file("/proc/self/statm"),
    [_, Resident | _] = string:split(Statm, " ", all),
    {erlang:memory(processes), binary_to_integer(Resident) * 4096}.
