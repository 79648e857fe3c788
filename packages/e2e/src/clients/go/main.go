// Sends events with connect-go and grpc-go, in every protocol and in every shape of call, and prints a line of JSON for
// each answer. The test beside it says what must come out.
//
//	client <port> <protocol> <id>...
package main

import (
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"time"

	"connectrpc.com/connect"
	"golang.org/x/net/http2"
	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/structpb"

	v1 "example.com/client/gen/event_collector/v1"
	"example.com/client/gen/event_collector/v1/event_collectorv1connect"
)

// What is printed of an answer or of an error, whatever the library.
type line struct {
	Call       string   `json:"call"`
	Accepted   uint32   `json:"accepted"`
	Rejected   uint32   `json:"rejected"`
	EventID    string   `json:"event_id,omitempty"`
	Code       string   `json:"code,omitempty"`
	Violations []string `json:"violations,omitempty"`
}

// The calls of both libraries, in one form.
type caller interface {
	one(context.Context, *v1.Event) (*v1.CollectEventResponse, error)
	many(context.Context, []*v1.Event) (*v1.CollectEventsResponse, error)
	stream(context.Context, []*v1.Event) ([]*v1.StreamEventsResponse, error)
	explain(error) line
}

func main() {
	if len(os.Args) < 4 {
		fail(errors.New("usage: client <port> <protocol> <id>..."))
	}
	address, protocol, ids := "127.0.0.1:"+os.Args[1], os.Args[2], os.Args[3:]
	calls, err := newCaller(protocol, address)
	if err != nil {
		fail(err)
	}
	ctx, cancel := context.WithTimeout(context.Background(), 60*time.Second)
	defer cancel()
	send(ctx, calls, ids)
}

func newCaller(protocol string, address string) (caller, error) {
	if protocol == "grpc-go" {
		connection, err := grpc.NewClient(address, grpc.WithTransportCredentials(insecure.NewCredentials()))
		return grpcCaller{v1.NewEventCollectorServiceClient(connection)}, err
	}
	options := map[string][]connect.ClientOption{
		"connect":      {connect.WithProtoJSON()},
		"connect-gzip": {connect.WithSendGzip()},
		"grpc":         {connect.WithGRPC()},
		"grpc-gzip":    {connect.WithGRPC(), connect.WithSendGzip()},
		"grpc-web":     {connect.WithGRPCWeb()},
	}
	chosen, known := options[protocol]
	if !known {
		return nil, fmt.Errorf("no protocol %s", protocol)
	}
	client := event_collectorv1connect.NewEventCollectorServiceClient(clearHTTP2(), "http://"+address, chosen...)
	return connectCaller{client}, nil
}

// HTTP/2 without TLS, with prior knowledge.
func clearHTTP2() *http.Client {
	return &http.Client{Transport: &http2.Transport{
		AllowHTTP: true,
		DialTLSContext: func(ctx context.Context, network, address string, _ *tls.Config) (net.Conn, error) {
			return (&net.Dialer{}).DialContext(ctx, network, address)
		},
	}}
}

// The first id goes alone, the second beside an event that is refused, the others on a stream; an event without a
// learner fails a call of its own.
func send(ctx context.Context, calls caller, ids []string) {
	if answer, err := calls.one(ctx, event(ids[0], "learner123")); err != nil {
		show(calls.explain(err).of("one"))
	} else {
		show(line{Call: "one", Accepted: 1, EventID: answer.EventId})
	}
	if answer, err := calls.many(ctx, []*v1.Event{event(ids[1], "learner123"), event(ids[1]+"-bad", "")}); err != nil {
		show(calls.explain(err).of("many"))
	} else {
		reasons := []string{}
		for _, reason := range answer.Errors {
			reasons = append(reasons, fmt.Sprintf("%d%s %s", reason.Index, reason.Pointer, reason.Code))
		}
		show(line{Call: "many", Accepted: answer.Accepted, Rejected: answer.Rejected, Violations: reasons})
	}
	_, err := calls.one(ctx, event(ids[0]+"-bad", ""))
	show(calls.explain(err).of("bad"))
	streamed := []*v1.Event{}
	for _, id := range ids[2:] {
		streamed = append(streamed, event(id, "learner123"))
	}
	answers, err := calls.stream(ctx, streamed)
	if err != nil {
		show(calls.explain(err).of("stream"))
		return
	}
	total := line{Call: "stream"}
	for _, answer := range answers {
		total.Accepted += answer.Accepted
		total.Rejected += answer.Rejected
	}
	show(total)
}

func event(id string, learner string) *v1.Event {
	data, err := structpb.NewStruct(map[string]any{"score": 95, "nested": map[string]any{"list": []any{1, nil, "x"}}})
	if err != nil {
		fail(err)
	}
	return &v1.Event{
		LearnerId: learner,
		CourseId:  "course456",
		LessonId:  "lesson789",
		EventType: "lesson_completed",
		EventData: data,
		Timestamp: "2024-01-15T10:30:00Z",
		EventId:   &id,
	}
}

type connectCaller struct {
	client event_collectorv1connect.EventCollectorServiceClient
}

func (c connectCaller) one(ctx context.Context, e *v1.Event) (*v1.CollectEventResponse, error) {
	answer, err := c.client.CollectEvent(ctx, connect.NewRequest(e))
	if err != nil {
		return nil, err
	}
	return answer.Msg, nil
}

func (c connectCaller) many(ctx context.Context, events []*v1.Event) (*v1.CollectEventsResponse, error) {
	answer, err := c.client.CollectEvents(ctx, connect.NewRequest(&v1.CollectEventsRequest{Events: events}))
	if err != nil {
		return nil, err
	}
	return answer.Msg, nil
}

func (c connectCaller) stream(ctx context.Context, events []*v1.Event) ([]*v1.StreamEventsResponse, error) {
	stream := c.client.StreamEvents(ctx)
	for _, e := range events {
		if err := stream.Send(e); err != nil {
			return nil, err
		}
	}
	if err := stream.CloseRequest(); err != nil {
		return nil, err
	}
	defer func() { _ = stream.CloseResponse() }()
	return receiveAll(stream.Receive)
}

func (c connectCaller) explain(err error) line {
	explained := line{Code: connect.CodeOf(err).String()}
	var refusal *connect.Error
	if errors.As(err, &refusal) {
		for _, detail := range refusal.Details() {
			if message, err := detail.Value(); err == nil {
				explained.add(message)
			}
		}
	}
	return explained
}

type grpcCaller struct {
	client v1.EventCollectorServiceClient
}

func (c grpcCaller) one(ctx context.Context, e *v1.Event) (*v1.CollectEventResponse, error) {
	return c.client.CollectEvent(ctx, e)
}

func (c grpcCaller) many(ctx context.Context, events []*v1.Event) (*v1.CollectEventsResponse, error) {
	return c.client.CollectEvents(ctx, &v1.CollectEventsRequest{Events: events})
}

func (c grpcCaller) stream(ctx context.Context, events []*v1.Event) ([]*v1.StreamEventsResponse, error) {
	stream, err := c.client.StreamEvents(ctx)
	if err != nil {
		return nil, err
	}
	for _, e := range events {
		if err := stream.Send(e); err != nil {
			return nil, err
		}
	}
	if err := stream.CloseSend(); err != nil {
		return nil, err
	}
	return receiveAll(stream.Recv)
}

func (c grpcCaller) explain(err error) line {
	// The names of the codes differ in their spelling between the two libraries; their numbers do not.
	explained := line{Code: connect.Code(status.Code(err)).String()}
	for _, detail := range status.Convert(err).Details() {
		explained.add(detail)
	}
	return explained
}

func receiveAll(receive func() (*v1.StreamEventsResponse, error)) ([]*v1.StreamEventsResponse, error) {
	answers := []*v1.StreamEventsResponse{}
	for {
		answer, err := receive()
		if errors.Is(err, io.EOF) {
			return answers, nil
		}
		if err != nil {
			return nil, err
		}
		answers = append(answers, answer)
	}
}

func (l *line) add(detail any) {
	if reasons, is := detail.(*errdetails.BadRequest); is {
		for _, reason := range reasons.FieldViolations {
			l.Violations = append(l.Violations, reason.Field+" "+reason.Reason)
		}
	}
}

func (l line) of(call string) line {
	l.Call = call
	return l
}

func show(l line) {
	text, err := json.Marshal(l)
	if err != nil {
		fail(err)
	}
	fmt.Println(string(text))
}

func fail(err error) {
	fmt.Fprintln(os.Stderr, err)
	os.Exit(1)
}
