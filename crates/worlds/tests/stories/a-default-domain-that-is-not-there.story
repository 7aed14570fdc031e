Seed 201186
1. 0.500 s: A user applies the TkeServiceConfig checks.	{"config":{"name":"checks","spec":{"loadBalancer":{"l7Listeners":[{"defaultServer":"c.example","port":80,"protocol":"HTTP"}]}}}}
2. 0.585 s: A user applies the DirectAccessBinding web.	{"binding":{"name":"web","spec":{"loadBalancer":{"id":"lb-two"},"serviceConfigRef":{"name":"checks"},"serviceRef":{"name":"web"}}}}
3. 1.193 s: A user applies the Service old.	{"service":{"name":"old","annotations":{},"spec":{"ports":[{"name":"http","port":80,"protocol":"TCP","targetPort":8080}],"selector":{"app":"old"},"type":"LoadBalancer"}}}
4. 1.193 s: A user applies the DirectAccessBinding old.	{"binding":{"name":"old","spec":{"listeners":[{"port":80,"protocol":"HTTP"}],"loadBalancer":{"create":{"network":"Public"}},"serviceConfigRef":{"name":"checks"},"serviceRef":{"name":"old"}}}}
