Seed 6001307
1. 0.000 s: The cloud is like this: Departs(TagsHidden).	{"dialect":{"departs":"tags-hidden"}}
2. 0.721 s: A user applies the Deployment api with 2 replicas.	{"workload":{"name":"api","app":"api","replicas":2,"revision":1,"surge":2,"unavailable":0,"grace":30,"preStop":20,"gate":true,"broken":false,"otherGate":false}}
3. 0.721 s: A user applies the Service api.	{"service":{"name":"api","annotations":{},"spec":{"ports":[{"name":"http","port":80,"protocol":"TCP","targetPort":8080}],"selector":{"app":"api"},"type":"LoadBalancer"}}}
4. 0.721 s: A user applies the DirectAccessBinding api.	{"binding":{"name":"api","spec":{"loadBalancer":{"id":"lb-one"},"serviceRef":{"name":"api"}}}}
5. 35.759 s: A user applies the DirectAccessBinding api.	{"binding":{"name":"api","spec":{"loadBalancer":{"id":"lb-one"},"serviceRef":{"name":"api"},"suspend":true}}}
6. 78.852 s: A user rolls api on to a version that works.	{"broken":["api",false]}
