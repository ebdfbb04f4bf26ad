# translate.cmake: IN (a .cu file) to OUT, for emulated/cuda_runtime.h: kernel<<<grid, block, bytes, stream>>>(arguments); becomes
# emulated::launch(grid, block, bytes, stream, [=] { kernel(arguments); }); and dynamic shared memory a pointer.
file(READ ${IN} text)
string(REGEX REPLACE ";" "@SEMICOLON@" text "${text}")
string(REGEX REPLACE "([A-Za-z_]+(<[A-Za-z_, ]+>)?)<<<([^@]*)>>>\\(([^@]*)\\)@SEMICOLON@"
       "emulated::launch(\\3, [=] { \\1(\\4)@SEMICOLON@ })@SEMICOLON@" text "${text}")
string(REGEX REPLACE "extern __shared__ (__align__\\(16\\) )?unsigned char ([a-z]+)\\[\\]"
       "unsigned char* \\2 = emulated::shared_memory()" text "${text}")
string(REGEX REPLACE "@SEMICOLON@" ";" text "${text}")
file(WRITE ${OUT} "#line 1 \"${IN}\"\n${text}")
